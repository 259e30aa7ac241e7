// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/cpu_slot.hpp>
#include <ashlar/layer/held_row.hpp>
#include <ashlar/layer/own_words.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Two rows (of 64 frames; 32 with words of 32 bits) for each CPU over a source of rows: one to allocate
/// from, one of frees that are pending. What is found in or goes into them costs no atomic operation, the
/// rest one for a whole row.
///
/// - Words: {identity, CPUs}, then a cache line per CPU (see `cpu_slot`), then those of the source.
/// - Invariant: a free frame is in the source or in one row of one slot, whose two rows are not the same.
///   What slots hold, at most two rows for each CPU, is free (`free_frames`, `visit_free`, which tells it
///   after what the source has), but for the others it is as if in use: `exhausted` may be said while another
///   CPU holds some. A full pending row goes back at once.
/// - Protocol: a flush clears the slot before it gives, a take is finished before the slot is filled: a crash
///   loses what is on its way and no frame is ever in two places. `recover` discards the slots.
/// - Complexity: allocate and free below the order of a row: a few loads and stores in the caller's slot and,
///   for free, the loads of `would_free`. Larger orders, a `below`, and a slot that is taken: the source.
/// - Context: each verb takes the guard. Exclusive: whatever the guard keeps off the CPU; for the rest (NMI),
///   and where CPUs have no ids, `inner()`. `this_cpu()` beyond `max_cpus` uses the source. Shared: anywhere.
/// - `isolate` sets the flags, then says `busy` until no slot holds a frame of the range: let every CPU
/// drain,
///   and repeat it, also after an `offline` that says `busy` (a row may have been on its way into a slot).
///   The other verbs on ranges drain the caller's slot first.
/// - Failure: that of the source. A double free is detected in the caller's slot and in the source; one of a
///   frame that lies in another CPU's slot is noticed, if at all, when that slot is flushed, and goes to the
///   platform's defect hook.
///
/// Source: Linux per-CPU page lists; Bonwick and Adams, Magazines and Vmem (USENIX ATC 2001).
///
/// ```
/// using frames = ashlar::cpu_rows<ashlar::counted<ashlar::radix_buddy<my_platform>>>;
/// constinit frames source;
/// (void)source.attach(bank, words, ashlar::start::fresh);
/// (void)source.online(bank);
/// const auto page = source.allocate({});
/// (void)source.free(*page, 0);
/// source.drain();                           // the CPU's last act
/// ```
template <class Source, rows_shape Shape = rows_shape{}>
class cpu_rows {
    static_assert(row_source<Source>,
                  "cpu_rows<Source>: Source must be a row_source (take_row, give_row), as radix_buddy is");
    static_assert(free_checking_source<Source>,
                  "cpu_rows<Source>: Source must be a free_checking_source (would_free)");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(cpu_local<platform_type>,
                  "cpu_rows<Source>: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");
    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;
    /// Frames of a row, as an order: the largest block that comes out of a slot.
    static constexpr unsigned row_order = Source::largest_row_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return add_words(own_words(), Source::metadata_words(frames));
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return adopt(frames, words, how, [&](view<word> rest) { return inner_.attach(frames, rest, how); });
    }
    /// `live(frame)`: see the source.
    template <class Live>
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return adopt(frames, words, how,
                     [&](view<word> rest) { return inner_.attach(frames, rest, how, live); });
    }
    /// The slots give back what they hold first: metadata that are recovered later lack nothing.
    constexpr errc detach(range<space> frames) noexcept {
        if (words_ == nullptr || frames != frames_) return errc::invalid;
        for (cpu_id cpu = 0; cpu < cpus_; ++cpu) flush(slot_of(cpu));
        const errc answer = inner_.detach(frames);
        if (answer != errc::ok) return answer;
        words_ = nullptr;
        cpus_ = 0;
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept {
        drain();
        return inner_.offline(frames);
    }
    constexpr errc isolate(range<space> frames) noexcept {
        const errc answer = inner_.isolate(frames);
        if (answer != errc::ok) return answer;
        drain();
        for (cpu_id cpu = 0; cpu < cpus_; ++cpu) {
            if (slot_of(cpu).touches(frames)) return errc::busy;
        }
        return errc::ok;
    }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        drain();
        return inner_.revoke(frames);
    }

    [[gnu::always_inline]] constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const own_slot own(*this);
        if (own.held && fits_a_row(wanted)) [[likely]] {
            const held_row row = own.slot.allocation();
            if (const bits taken = row.lowest_block(wanted.order); taken != 0) [[likely]] {
                own.slot.leave_allocation(static_cast<bits>(row.mask & ~taken));
                return row.first_of(taken);
            }
        }
        return allocate_otherwise(own, wanted);
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        drain();
        return inner_.allocate_at(frames);
    }
    [[gnu::always_inline]] constexpr errc free(frame<space> first, unsigned order) noexcept {
        const own_slot own(*this);
        if (!own.held || order >= row_order || first.number == 0) return free_otherwise(own, first, order);
        if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) return wrong;
        const auto freed = held_row::block(first, order);
        const held_row row = own.slot.allocation();
        if (row.key == freed.key) {
            if ((row.mask & freed.mask) != 0) return errc::double_free;
            own.slot.leave_allocation(static_cast<bits>(row.mask | freed.mask));
            return errc::ok;
        }
        const held_row pending = own.slot.pending();
        if (pending.key != freed.key) return replace_pending(own.slot, freed);
        if ((pending.mask & freed.mask) != 0) return errc::double_free;
        own.slot.leave_pending(static_cast<bits>(pending.mask | freed.mask));
        return pending.with(freed.mask).is_full() ? replace_pending(own.slot, {}) : errc::ok;
    }
    /// What `free` would answer on this CPU.
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        const errc wrong = inner_.would_free(first, order);
        if (wrong != errc::ok) return wrong;
        const own_slot own(*this);
        return own.held && own.slot.holds(first, order) ? errc::double_free : errc::ok;
    }

    /// The caller's slot gives back what it holds; `drain(cpu)` that of a CPU that has stopped.
    constexpr void drain() noexcept {
        const own_slot own(*this);
        if (own.held) flush(own.slot);
    }
    constexpr void drain(cpu_id cpu) noexcept {
        inner_.drain(cpu);
        if (cpu >= cpus_) return;
        flush(slot_of(cpu));
        slot_of(cpu).unlock();
    }

    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        return inner_.free_frames() + held_frames();
    }
    /// What all slots hold.
    [[nodiscard]] constexpr std::uint64_t held_frames() const noexcept {
        std::uint64_t count = 0;
        for_each_held_row([&count](held_row row) noexcept {
            count += static_cast<std::uint64_t>(std::popcount(row.mask));
        });
        return count;
    }
    /// One load; what slots hold is not in it.
    template <class Counted = Source>
    requires counted_source<Counted>
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return inner_.approximate_free_frames();
    }
    template <class Counted = Source>
    requires counted_source<Counted>
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept {
        return Counted::largest_error() + (std::uint64_t{2} * platform_type::max_cpus() << row_order);
    }
    /// As the source, then what the slots hold.
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
        for_each_held_row([&](held_row row) noexcept { row.for_each_run(row.mask, sink); });
    }
    /// Also that no frame in a slot is free in the source.
    [[nodiscard]] constexpr errc validate() const noexcept {
        errc answer = inner_.validate();
        for_each_held_row([&](held_row row) noexcept {
            row.for_each_frame(row.mask, [&](frame<space> f) noexcept {
                if (inner_.would_free(f, 0) == errc::double_free) answer = errc::corrupt;
            });
        });
        return answer;
    }
    /// What the source tells, then held_frames.
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        inner_.describe(sink);
        sink("held_frames", held_frames());
    }

    /// The source past the slots: for contexts that the guard does not keep off (NMI, machine check).
    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    using bits = typename Source::row_bits;
    using held_row = detail::held_row<space, bits, row_order>;
    using slot_type = detail::cpu_slot<word, held_row>;

    static constexpr std::size_t line = layer_line_words<word>;
    static constexpr bits identity = static_cast<bits>(0x6370'7572u);

    /// The guard and the caller's slot; not held where there is none or somebody else is in it.
    struct own_slot {
        constexpr explicit own_slot(const cpu_rows& owner) noexcept {
            const cpu_id cpu = platform_type::this_cpu();
            if (cpu >= owner.cpus_) return;
            slot = owner.slot_of(cpu);
            held = Shape.contract == slot_contract::exclusive || slot.try_lock();
        }
        constexpr ~own_slot() {
            if (Shape.contract == slot_contract::shared && held) slot.unlock();
        }
        own_slot(const own_slot&) = delete;
        own_slot& operator=(const own_slot&) = delete;

        [[no_unique_address]] typename platform_type::cpu_guard guard{};
        slot_type slot{};
        bool held = false;
    };

    [[nodiscard]] static constexpr std::size_t own_words() noexcept {
        return (std::size_t{1} + platform_type::max_cpus()) * line;
    }
    [[nodiscard]] constexpr slot_type slot_of(cpu_id cpu) const noexcept {
        return slot_type(words_ + (std::size_t{1} + cpu) * line);
    }

    template <class Visit>
    constexpr void for_each_held_row(Visit&& visit) const noexcept {
        for (cpu_id cpu = 0; cpu < cpus_; ++cpu) {
            for (const held_row row : {slot_of(cpu).allocation(), slot_of(cpu).pending()}) {
                if (row.mask != 0) visit(row);
            }
        }
    }

    [[nodiscard]] static constexpr bool fits_a_row(const request<space>& wanted) noexcept {
        return wanted.order <= row_order && wanted.nodes.is_all() && wanted.mirror != mirror::required &&
               wanted.below == no_limit<space>;
    }
    [[gnu::noinline]] constexpr result<frame<space>> allocate_otherwise(
        const own_slot& own, const request<space>& wanted) noexcept {
        if (!own.held) return inner_.allocate(wanted);
        if (fits_a_row(wanted)) return refill(own.slot, wanted);
        const auto got = inner_.allocate(wanted);
        // The slot is flushed before the source's failure is believed.
        if (got || got.error() != errc::exhausted || own.slot.empty()) return got;
        flush(own.slot);
        return inner_.allocate(wanted);
    }

    /// The allocation row has no such block: gives its rest back and goes on with what is pending, or with a
    /// row of the source.
    constexpr result<frame<space>> refill(slot_type slot, const request<space>& wanted) noexcept {
        const held_row last = slot.clear_allocation();
        give(last);
        const held_row pending = slot.pending();
        if (const bits found = pending.lowest_block(wanted.order);
            found != 0 && inner_.offers_row(pending.first())) {
            (void)slot.clear_pending();
            slot.set_allocation(pending.without(found));
            return pending.first_of(found);
        }
        const frame<space> near = last.key != 0 ? last.first() : no_limit<space>;
        auto taken = inner_.take_row(wanted, near);
        if (!taken && taken.error() == errc::exhausted && slot.pending().mask != 0) {
            give(slot.clear_pending());
            taken = inner_.take_row(wanted, near);
        }
        if (!taken) return taken.error();
        held_row row = held_row::of(taken->first, taken->mask);
        // One row is in one place: what is pending of it comes along.
        if (slot.pending().key == row.key) row = row.with(slot.clear_pending().mask);
        const bits block = row.lowest_block(wanted.order);
        slot.set_allocation(row.without(block));
        return row.first_of(block);
    }

    [[gnu::noinline]] constexpr errc free_otherwise(const own_slot& own, frame<space> first,
                                                    unsigned order) noexcept {
        if (!own.held || !own.slot.holds(first, order)) return inner_.free(first, order);
        const errc wrong = inner_.would_free(first, order);
        return wrong == errc::ok ? errc::double_free : wrong;
    }
    /// What is pending goes back, `next` (of another row, or none) takes its place.
    [[gnu::noinline]] constexpr errc replace_pending(slot_type slot, held_row next) noexcept {
        give(slot.clear_pending());
        slot.set_pending(next);
        return errc::ok;
    }

    constexpr void flush(slot_type slot) noexcept {
        give(slot.clear_allocation());
        give(slot.clear_pending());
    }
    /// Gives a row that is in no slot any more.
    constexpr void give(held_row row) noexcept {
        if (row.mask == 0) return;
        row.for_each_frame(inner_.give_row(row.first(), row.mask), [this](frame<space> f) noexcept {
            // Revoked frames are refused, too: they are lost to nobody.
            if (inner_.owns(f)) platform_type::defect(errc::double_free, f.number);
        });
    }

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, start how,
                         AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<cpu_rows>(words_ != nullptr, frames, words);
        if (wrong != errc::ok) return wrong;
        const cpu_id cpus = platform_type::max_cpus();
        if (how == start::recover && (words[0].load(memory_order::relaxed) != identity ||
                                      words[1].load(memory_order::relaxed) != cpus)) {
            return errc::corrupt;
        }
        const errc answer = attach_inner(words.subview(own_words()));
        if (answer != errc::ok) return answer;
        words_ = words.data();
        frames_ = frames;
        cpus_ = frames.count / Shape.frames_per_cpu < cpus ? 0 : cpus;
        for (cpu_id cpu = 0; cpu < cpus; ++cpu) slot_of(cpu).discard();
        words[1].store(static_cast<bits>(cpus), memory_order::relaxed);
        words[0].store(identity, memory_order::release);
        return errc::ok;
    }

    Source inner_{};
    range<space> frames_{};
    word* words_ = nullptr;
    cpu_id cpus_ = 0;  ///< that have a slot in use
};

}  // namespace ashlar
