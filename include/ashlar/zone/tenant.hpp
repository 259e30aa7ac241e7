// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/allocate_contiguous.hpp>
#include <ashlar/source/contiguous_request.hpp>
#include <ashlar/source/free_range.hpp>
#include <ashlar/zone/frame_quota.hpp>
#include <ashlar/zone/mirrored_frames.hpp>
#include <ashlar/zone/owner_table.hpp>
#include <ashlar/zone/tenant_counters.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// An owner of frames of a machine (a process, a guest): a frame source with limits, counters and a mirror
/// preference of its own, which knows its frames from those of others.
///
/// - Invariant at quiescence: `figures().held` is the number of frames that the owner table says are his, and
///   not above the limit; the same for those in mirrored memory. Every frame taken through a tenant is freed
///   through it, in blocks or smaller aligned pieces.
/// - `mirror_first` turns `mirror::unspecified` into `preferred`; what a request says itself stands. A child
///   begins with its parent's; after that neither follows the other.
/// - Limits: a request beyond the limit on frames is refused with `limit`. Beyond the limit on mirrored
///   frames `preferred` gets ordinary memory and `required` is refused, as with a machine's; so is a request
///   for ordinary memory that got mirrored memory as a last resort.
/// - Protocol: the frames are reserved in the quotas before the machine is asked and given back after it
///   refused or took them back, so counters may be too high while calls are in flight, never too low: a
///   request may be refused for what another one is about to give back. See `owner_table` for who frees.
/// - Complexity: that of the machine's verb, one read-modify-write for each quota and one for each word of
///   the owner table that the block touches; where there are zones one more look for the block's.
/// - Context: `open`, `close` and the limits thread, one caller at a time, no guard held; others as in the
///   machine. The machine and the table live longer than the tenant is open.
/// - Failure: as the machine's, and: a free of another tenant's frame, or of nobody's, is `not_owned`, a
///   second one `double_free`; `limit` also for frames outside of the owner table; `corrupt` for frames that
///   the machine hands out although a tenant holds them. Nothing is changed then, but a block that was
///   revoked as a whole leaves the tenant as he frees it. Storage, hot plug and isolation are the machine's:
///   those verbs are `unsupported`.
/// - Source: CN104252419 (the flag in a process's descriptor, inherited by its children).
///
/// Example:
/// ```
/// ashlar::owner_table<ashlar::platform> owners;             // attached to the machine's frames
/// ashlar::tenant<memory> database;
/// ashlar::tenant<memory> worker;
/// (void)database.open(ram, owners, 1);
/// database.set_mirror_first(true);
/// (void)worker.open(database, 2);                           // mirrored memory first, too
/// auto page = worker.allocate({.order = 0});
/// const ashlar::errc refused = database.free(*page, 0);     // not_owned
/// ```
template <class Machine, class Owners = typename detail::default_owner_table<Machine>::type>
class tenant {
    static_assert(frame_source<Machine>, "tenant<Machine>: Machine must be a frame_source");

 public:
    using platform_type = typename Machine::platform_type;
    using space = typename Machine::space;
    using word = typename Machine::word;
    static_assert(std::same_as<typename Owners::space, space>,
                  "tenant<Machine, Owners>: the owner table must deal in the machine's frames");
    static constexpr unsigned top_order = Machine::top_order;
    static constexpr unsigned isolation_order = Machine::isolation_order;

    tenant() noexcept = default;
    tenant(const tenant&) = delete;
    tenant& operator=(const tenant&) = delete;

    /// Begins with nothing, no limits and without `mirror_first`. `busy` if open or if the number is another
    /// tenant's, `invalid` if there is no such number, `limit` if the table is not attached.
    constexpr errc open(Machine& machine, Owners& owners, owner_id id) noexcept {
        if (is_open()) return errc::busy;
        if (const errc answer = owners.enrol(id); answer != errc::ok) return answer;
        machine_ = &machine;
        owners_ = &owners;
        id_ = id;
        (void)held_.set_limit(unlimited_frames);
        (void)mirrored_.set_limit(unlimited_frames);
        fallbacks_.store(0, memory_order::relaxed);
        set_mirror_first(false);
        return errc::ok;
    }
    /// As a child: on the parent's machine, with the `mirror_first` that it has now. `invalid` if the parent
    /// is not open.
    constexpr errc open(const tenant& parent, owner_id id) noexcept {
        if (!parent.is_open()) return errc::invalid;
        const errc answer = open(*parent.machine_, *parent.owners_, id);
        if (answer == errc::ok) set_mirror_first(parent.mirror_first());
        return answer;
    }
    /// `busy` while frames are held.
    constexpr errc close() noexcept {
        if (!is_open()) return errc::invalid;
        if (held_.used() != 0) return errc::busy;
        owners_->dismiss(id_);
        machine_ = nullptr;
        owners_ = nullptr;
        id_ = no_owner;
        return errc::ok;
    }
    [[nodiscard]] constexpr bool is_open() const noexcept { return machine_ != nullptr; }
    [[nodiscard]] constexpr owner_id id() const noexcept { return id_; }

    /// For requests from now on.
    constexpr void set_mirror_first(bool first) noexcept {
        mirror_first_.store(first ? 1 : 0, memory_order::relaxed);
    }
    [[nodiscard]] constexpr bool mirror_first() const noexcept {
        return mirror_first_.load(memory_order::relaxed) != 0;
    }
    /// `busy` for less than are held; the old limit then stays.
    constexpr errc set_limit(std::uint64_t most) noexcept { return held_.set_limit(most); }
    /// As above for mirrored frames; `limit` for more than the machine has, unless `unlimited_frames`.
    constexpr errc set_mirror_limit(std::uint64_t most) noexcept {
        if constexpr (requires { machine_->mirror_figures(); }) {
            const std::uint64_t total = is_open() ? machine_->mirror_figures().total : 0;
            if (most != unlimited_frames && most > total) return errc::limit;
        }
        return mirrored_.set_limit(most);
    }
    /// Exact at quiescence.
    [[nodiscard]] constexpr tenant_counters figures() const noexcept {
        return {held_.used(), mirrored_.used(), held_.limit(), mirrored_.limit(),
                fallbacks_.load(memory_order::relaxed)};
    }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        if (wanted.order > top_order) return errc::unsupported;
        if (!is_open()) return errc::exhausted;
        const auto got =
            obtain(std::uint64_t{1} << wanted.order, wanted.mirror, [&](mirror preference) noexcept {
                wanted.mirror = preference;
                const auto first = machine_->allocate(wanted);
                return first ? result<range<space>>(block(*first, wanted.order)) : first.error();
            });
        return got ? result<frame<space>>(got->first) : got.error();
    }
    /// With everything at its default.
    template <std::integral Integer>
    constexpr result<frame<space>> allocate(Integer order) noexcept {
        return allocate(request<space>{.order = static_cast<unsigned>(order)});
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        if (!is_open()) return errc::not_owned;
        if (!owners_->covered().contains(frames) || !held_.reserve(frames.count)) return errc::limit;
        errc answer = machine_->allocate_at(frames);
        if (answer == errc::ok) {
            answer = take(frames, false, is_mirrored(frames.first));
            if (answer == errc::ok) return errc::ok;
            (void)free_range(*machine_, frames);
        }
        return refused(answer, frames.count, false);
    }
    /// See `ashlar::allocate_contiguous`; limits and the owner table as in `allocate`.
    template <isolation_telling_source Telling = Machine>
    constexpr result<range<space>> allocate_contiguous(contiguous_request<space> wanted) noexcept {
        if (const errc wrong = wanted.check(); wrong != errc::ok) return wrong;
        if (!is_open()) return errc::exhausted;
        return obtain(wanted.count, wanted.mirror, [&](mirror preference) noexcept {
            wanted.mirror = preference;
            return ashlar::allocate_contiguous(*machine_, wanted);
        });
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        if (order > top_order) return errc::unsupported;
        if (!aligned(first, order)) return errc::misaligned;
        if (!is_open()) return errc::not_owned;
        const range<space> frames = block(first, order);
        if (const errc answer = owners_->leave(frames, id_); answer != errc::ok) return answer;
        // Before the machine has them: then their zone may go.
        const bool mirrored = is_mirrored(first);
        const errc answer = machine_->free(first, order);
        if (answer != errc::ok && !(answer == errc::revoked && all_gone(frames))) {
            owners_->stay(frames, id_);
            return answer;
        }
        if (mirrored) mirrored_.release(frames.count);
        held_.release(frames.count);
        return answer;
    }

    /// A block of his is about to move: `to`, which a mover has from the machine, becomes his beside `from`,
    /// and counts with it as one. `not_owned` unless he holds all of `from`; `limit` for one more mirrored
    /// block than he may have; as `allocate` of `to`. Then `end_move`, or `cancel_move`; until then nobody
    /// frees either.
    constexpr errc begin_move(frame<space> from, frame<space> to, unsigned order) noexcept {
        if (!holds(block(from, order))) return errc::not_owned;
        const bool more = is_mirrored(to) && !is_mirrored(from);
        const std::uint64_t count = std::uint64_t{1} << order;
        if (more && !mirrored_.reserve(count)) return errc::limit;
        const errc answer = owners_->claim(block(to, order), id_);
        if (answer != errc::ok && more) mirrored_.release(count);
        return answer;
    }
    /// The data are in `to`: `from` is his no more, and the mover frees it to the machine.
    constexpr errc end_move(frame<space> from, frame<space> to, unsigned order) noexcept {
        const errc answer = owners_->leave(block(from, order), id_);
        if (answer == errc::ok && is_mirrored(from) && !is_mirrored(to))
            mirrored_.release(std::uint64_t{1} << order);
        return answer;
    }
    /// All is as before `begin_move`; `to` is the mover's.
    constexpr void cancel_move(frame<space> from, frame<space> to, unsigned order) noexcept {
        (void)owners_->leave(block(to, order), id_);
        if (is_mirrored(to) && !is_mirrored(from)) mirrored_.release(std::uint64_t{1} << order);
    }

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space>) noexcept { return 0; }
    constexpr errc attach(range<space>, view<word>, start) noexcept { return errc::unsupported; }
    constexpr errc detach(range<space>) noexcept { return errc::unsupported; }
    constexpr errc online(range<space>) noexcept { return errc::unsupported; }
    constexpr errc offline(range<space>) noexcept { return errc::unsupported; }
    constexpr errc isolate(range<space>) noexcept { return errc::unsupported; }
    constexpr errc readmit(range<space>) noexcept { return errc::unsupported; }
    constexpr result<std::uint64_t> revoke(range<space>) noexcept { return errc::unsupported; }

    constexpr void drain() noexcept {
        if (is_open()) machine_->drain();
    }
    constexpr void drain(cpu_id cpu) noexcept {
        if (is_open()) machine_->drain(cpu);
    }
    /// As the contract has it: online in the machine, whoever holds it. See `holds`.
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept {
        return is_open() && machine_->owns(f);
    }
    /// False for a frame that is isolated in the machine.
    template <isolation_telling_source Telling = Machine>
    [[nodiscard]] constexpr bool offers(frame<space> f) const noexcept {
        return is_open() && detail::offers(*machine_, f);
    }
    /// True for a frame of this tenant.
    [[nodiscard]] constexpr bool holds(frame<space> f) const noexcept {
        return is_open() && owners_->owner_of(f) == id_;
    }
    [[nodiscard]] constexpr bool holds(range<space> frames) const noexcept {
        return is_open() && owners_->first_held(id_, frames) == frames;
    }
    /// See `owner_table::first_held`.
    [[nodiscard]] constexpr range<space> first_held(range<space> within, std::uint64_t most) const noexcept {
        return is_open() ? owners_->first_held(id_, within, most) : range<space>{};
    }
    /// Free in the machine, and within the limit.
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        if (!is_open()) return 0;
        const std::uint64_t used = held_.used();
        const std::uint64_t limit = held_.limit();
        const std::uint64_t left = limit > used ? limit - used : 0;
        const std::uint64_t free = machine_->free_frames();
        return free < left ? free : left;
    }
    /// What is free in the machine, beyond the limit too.
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        if (is_open()) machine_->visit_free(sink);
    }
    /// Calls `sink(range)` for the frames held: disjoint and ascending; exact at quiescence.
    template <class Sink>
    constexpr void visit_held(Sink&& sink) const noexcept {
        if (is_open()) owners_->visit(id_, sink);
    }
    /// The counters against the owner table; exact at quiescence. A pass over the table.
    [[nodiscard]] constexpr errc validate() const noexcept {
        std::uint64_t held = 0;
        std::uint64_t mirrored = 0;
        visit_held([&](range<space> run) noexcept {
            held += run.count;
            for (std::uint64_t i = 0; i < run.count; ++i) mirrored += is_mirrored(run.first + i) ? 1 : 0;
        });
        return held == held_.used() && mirrored == mirrored_.used() ? errc::ok : errc::corrupt;
    }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        const tenant_counters now = figures();
        sink("tenant", id_);
        sink("held_frames", now.held);
        sink("mirrored_frames", now.mirrored);
        sink("frame_limit", now.limit);
        sink("mirror_limit", now.mirror_limit);
        sink("fallbacks", now.fallbacks);
        sink("mirror_first", mirror_first() ? 1 : 0);
    }

 private:
    [[nodiscard]] constexpr bool is_mirrored(frame<space> f) const noexcept {
        return detail::is_mirrored(*machine_, f);
    }

    /// Reserves what is wanted, lets `ask(preference)` take frames of the machine, and makes them the
    /// tenant's.
    template <class Ask>
    constexpr result<range<space>> obtain(std::uint64_t count, mirror wanted, Ask ask) noexcept {
        // Said here, so that the quota and the machine take it alike.
        if (wanted == mirror::unspecified)
            wanted = mirror_first() ? mirror::preferred : detail::default_mirror(*machine_);
        const bool has_mirror = detail::has_mirror(*machine_);
        const bool prefers = wanted == mirror::preferred && has_mirror;
        const bool wants_mirror = prefers || (wanted == mirror::required && has_mirror);
        if (!held_.reserve(count)) return errc::limit;
        const bool reserved = wants_mirror && mirrored_.reserve(count);
        if (wants_mirror && !reserved && !prefers) return refused(errc::limit, count, false);
        if (wants_mirror && !reserved) wanted = mirror::ordinary;
        const result<range<space>> got = ask(wanted);
        // Mirrored memory may be free, but not for this tenant.
        const bool kept_away = prefers && !reserved && got.error() == errc::exhausted;
        if (!got) return refused(kept_away ? errc::limit : got.error(), count, reserved);
        const bool mirrored = is_mirrored(got->first);
        if (const errc answer = take(*got, reserved, mirrored); answer != errc::ok) {
            (void)free_range(*machine_, *got);
            return refused(answer, count, reserved);
        }
        if (prefers && !mirrored) fallbacks_.fetch_add(1, memory_order::relaxed);
        return got;
    }
    /// Frames that the machine has handed out become the tenant's. `reserved`: in the mirror quota too.
    constexpr errc take(range<space> frames, bool reserved, bool mirrored) noexcept {
        const bool more = mirrored && !reserved;
        if (more && !mirrored_.reserve(frames.count)) return errc::limit;
        const errc answer = owners_->claim(frames, id_);
        if (answer != errc::ok && more) mirrored_.release(frames.count);
        if (answer == errc::ok && reserved && !mirrored) mirrored_.release(frames.count);
        return answer;
    }
    [[nodiscard]] constexpr bool all_gone(range<space> frames) const noexcept {
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            if (machine_->owns(frames.first + i)) return false;
        }
        return true;
    }
    /// Gives back what was reserved.
    constexpr errc refused(errc answer, std::uint64_t count, bool reserved) noexcept {
        if (reserved) mirrored_.release(count);
        held_.release(count);
        return answer;
    }

    Machine* machine_ = nullptr;
    Owners* owners_ = nullptr;
    owner_id id_ = no_owner;
    detail::frame_quota<platform_type> held_{};
    detail::frame_quota<platform_type> mirrored_{};
    typename platform_type::template atomic<std::uintptr_t> fallbacks_{};
    typename platform_type::template atomic<std::uint32_t> mirror_first_{};
};

}  // namespace ashlar
