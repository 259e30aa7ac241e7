// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/acceptance_words.hpp>
#include <ashlar/layer/own_words.hpp>
#include <ashlar/layer/touches_frames.hpp>
#include <ashlar/source/blocks.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Constants of `accepted`.
struct accept_shape {
    /// How often another CPU's acceptance is looked at before the answer is `busy`.
    std::uint32_t polls = 1u << 24;
    /// How many blocks a request tries when the platform refuses.
    std::uint32_t attempts = 4;
};

/// Memory that a confidential guest has not accepted yet (UEFI 2.9 type 15; SEV-SNP, TDX) is accepted when it
/// is first handed out, a unit of 2^`isolation_order` frames at a time.
///
/// - Invariant: no frame is answered by `allocate` or `allocate_at` before its unit is accepted, and a unit
///   is accepted by one CPU at a time, once.
/// - Words, before the source's: {identity, units} in a line, then two bits a unit (2 bits for 512 frames).
///
/// | unit | who changes it, to what | order |
/// |---|---|---|
/// | accepted | `mark_unaccepted`, while no frame of it is online: unaccepted | acq_rel |
/// | unaccepted | one taker, by compare-and-swap: accepting | acq_rel: it sees what an earlier try did |
/// | accepting | only that taker: accepted, or unaccepted if the platform refused | acq_rel: publishes |
///
/// Who takes a block loads the states of its units (acquire); it accepts those that are unaccepted, and waits
/// for those that another CPU is accepting. From the swap to the last store the taker holds the platform's
/// guard, so no interrupt can wait for what it interrupted; an NMI or machine check that meets its own CPU's
/// acceptance gets `busy` after `polls` looks. A crash leaves `accepting`, which recovery reads as
/// unaccepted: nobody was given a frame of the unit before.
///
/// - When the platform refuses: the unit stays unaccepted, the block goes back. If it said `busy`, so does
///   the call. Otherwise `allocate` isolates the unit, so that nobody runs into it again, and tries another
///   block, up to `attempts`; then it answers the platform's error. `readmit` of the unit gives it another
///   chance. `allocate_at` answers the error and isolates nothing.
/// - Unaccepted frames are free frames to `free_frames` and `visit_free`; `unaccepted_frames` and
///   `visit_unaccepted` tell them apart. Who reads free memory (a dump, a report) has to skip those.
/// - Complexity: the source's, and one load for each unit of a block. `mark_unaccepted` asks `owns` for each
///   frame; the two reports look at every unit.
/// - Context: as in the source, where the platform's `accept` works. `mark_unaccepted`: while nobody brings
///   frames of its range online.
/// - Failure: that of the source, and the above. What writes to frames (`scrubbed`) goes around the layer.
///
/// Example:
/// ```
/// using frames = ashlar::accepted<ashlar::radix_buddy<my_platform>>;
/// (void)memory.attach({{0x1000}, 0x1000}, words, ashlar::start::fresh);
/// (void)memory.mark_unaccepted({{0x1400}, 0xc00});     // what the firmware's map says, whole units of it
/// (void)memory.online({{0x1000}, 0x1000});
/// auto page = memory.allocate({});                     // accepts 512 frames, if nobody has before
/// ```
/// A machine of such zones marks them itself, from what the firmware's map lends out:
/// ```
/// (void)map.use_unaccepted(my_machine::isolation_order);   // after all tables and exclusions
/// (void)ram.boot(map, nodes, metadata);
/// ```
template <class Source, accept_shape Shape = accept_shape{}>
class accepted {
    static_assert(frame_source<Source>, "accepted<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(frame_acceptance<platform_type>,
                  "accepted<Source>: the platform must offer frame_acceptance (accept)");
    static_assert(cpu_local<platform_type>,
                  "accepted<Source>: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");
    static_assert(!ashlar::touches_frames<Source>(),
                  "accepted<Source>: what touches frames (scrubbed) goes around this layer, not inside");
    static_assert(Shape.attempts >= 1, "accepted<Source, accept_shape>: attempts must be at least 1");

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        const std::size_t own = states::words_for(frames);
        return own == 0 ? 0 : add_words(own, Source::metadata_words(frames));
    }
    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return adopt(frames, words, how, [&](view<word> rest) { return inner_.attach(frames, rest, how); });
    }
    /// Where the source can tell lost frames from live ones (see `list_buddy::attach`).
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return adopt(frames, words, how,
                     [&](view<word> rest) { return inner_.attach(frames, rest, how, live); });
    }
    constexpr errc detach(range<space> frames) noexcept {
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) states_ = {};
        return answer;
    }

    /// The units of the range have to be accepted before use. Whole units, or up to an end of the attached
    /// range, else `misaligned`; all of each unit must be memory, online here or not. `busy` if a frame of it
    /// is online or being accepted, and nothing is marked. A unit stays accepted, or not, while its frames go
    /// offline and return.
    constexpr errc mark_unaccepted(range<space> frames) noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        if (!is_boundary(frames.first) || !is_boundary(frames.end())) return errc::misaligned;
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            if (inner_.owns(frames.first + i)) return errc::busy;
        }
        for (std::uint64_t unit = first_unit(frames); unit < end_unit(frames); ++unit) {
            if (states_.state(unit) == acceptance::accepting) return errc::busy;
        }
        for (std::uint64_t unit = first_unit(frames); unit < end_unit(frames); ++unit) {
            (void)states_.change(unit, acceptance::accepted, acceptance::unaccepted);
        }
        return errc::ok;
    }
    /// Accepts, ahead of any taker, every unit that the range touches: for an idle CPU, or before another
    /// kernel takes over. The first refusal ends it; what was accepted by then stays so.
    constexpr errc accept_ahead(range<space> frames) noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        return make_usable(frames).error;
    }
    /// Exact while nobody takes frames.
    [[nodiscard]] constexpr std::uint64_t unaccepted_frames() const noexcept {
        std::uint64_t sum = 0;
        visit_unaccepted([&sum](range<space> frames) { sum += frames.count; });
        return sum;
    }
    /// Maximal ranges, ascending, whether their frames are online or not; exact while nobody takes frames.
    template <class Sink>
    constexpr void visit_unaccepted(Sink&& sink) const noexcept {
        range<space> run{};
        for (std::uint64_t unit = 0; unit < states_.units(); ++unit) {
            if (states_.state(unit) == acceptance::accepted) continue;
            const range<space> frames = states_.frames_of(unit);
            if (!run.empty() && run.end() == frames.first) {
                run.count += frames.count;
                continue;
            }
            if (!run.empty()) sink(run);
            run = frames;
        }
        if (!run.empty()) sink(run);
    }

    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept { return inner_.offline(frames); }
    constexpr errc isolate(range<space> frames) noexcept { return inner_.isolate(frames); }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept { return inner_.revoke(frames); }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        errc refused = errc::ok;
        for (std::uint32_t tries = 0; tries < Shape.attempts; ++tries) {
            const result<frame<space>> got = inner_.allocate(wanted);
            if (!got) return refused == errc::ok ? got : result<frame<space>>(refused);
            const outcome done = make_usable(block(*got, wanted.order));
            if (done.error == errc::ok) return got;
            refused = done.error;
            const bool elsewhere =
                refused != errc::busy && inner_.isolate(states_.frames_of(done.unit)) == errc::ok;
            (void)inner_.free(*got, wanted.order);
            if (!elsewhere) break;
        }
        return refused;
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        if (const errc wrong = inner_.allocate_at(frames); wrong != errc::ok) return wrong;
        const errc refused = make_usable(frames).error;
        if (refused != errc::ok) {
            for_each_block(frames, top_order,
                           [this](frame<space> f, unsigned order) { (void)inner_.free(f, order); });
        }
        return refused;
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept { return inner_.free(first, order); }
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    constexpr void drain() noexcept { inner_.drain(); }
    constexpr void drain(cpu_id cpu) noexcept { inner_.drain(cpu); }
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept { return inner_.free_frames(); }
    template <counted_source Counted = Source>
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return inner_.approximate_free_frames();
    }
    template <counted_source Counted = Source>
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept {
        return Counted::largest_error();
    }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    /// Also that no unit is left in acceptance.
    [[nodiscard]] constexpr errc validate() const noexcept {
        for (std::uint64_t unit = 0; unit < states_.units(); ++unit) {
            if (states_.state(unit) > acceptance::unaccepted) return errc::corrupt;
        }
        return inner_.validate();
    }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        inner_.describe(sink);
    }

    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    using states = detail::acceptance_words<word, space, isolation_order>;
    struct outcome {
        errc error = errc::ok;
        std::uint64_t unit = 0;
    };

    [[nodiscard]] constexpr errc check_inside(range<space> frames) const noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        return states_.covered().contains(frames) ? errc::ok : errc::not_owned;
    }
    [[nodiscard]] constexpr bool is_boundary(frame<space> f) const noexcept {
        return aligned(f, isolation_order) || f == states_.covered().first || f == states_.covered().end();
    }
    [[nodiscard]] constexpr std::uint64_t first_unit(range<space> frames) const noexcept {
        return states_.unit_of(frames.first);
    }
    [[nodiscard]] constexpr std::uint64_t end_unit(range<space> frames) const noexcept {
        return states_.unit_of({frames.end().number - 1}) + 1;
    }

    /// ok when every unit of the range is accepted; else which one is not, and why.
    constexpr outcome make_usable(range<space> frames) noexcept {
        const std::uint64_t end = end_unit(frames);
        for (std::uint64_t unit = first_unit(frames); unit < end; ++unit) {
            if (states_.state(unit) == acceptance::accepted) continue;
            if (const errc refused = settle(unit); refused != errc::ok) return {refused, unit};
        }
        return {};
    }
    constexpr errc settle(std::uint64_t unit) noexcept {
        for (std::uint32_t polls = 0; polls < Shape.polls; ++polls) {
            const acceptance state = states_.state(unit);
            if (state == acceptance::accepted) return errc::ok;
            if (state == acceptance::accepting) {
                if constexpr (requires { platform_type::relax(); }) platform_type::relax();
                continue;
            }
            [[maybe_unused]] const typename platform_type::cpu_guard guard{};
            if (!states_.change(unit, acceptance::unaccepted, acceptance::accepting)) continue;
            const errc answer = platform_type::accept(states_.frames_of(unit));
            (void)states_.change(unit, acceptance::accepting,
                                 answer == errc::ok ? acceptance::accepted : acceptance::unaccepted);
            return answer;
        }
        return errc::busy;
    }

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, start how,
                         AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<accepted>(states_.bound(), frames, words);
        if (wrong != errc::ok) return wrong;
        states next(frames, words.data());
        if (how == start::recover && !next.is_recoverable()) return errc::corrupt;
        // An attach that is cut off leaves nothing to recover.
        if (how == start::fresh) next.forget_identity();
        const errc answer = attach_inner(words.subview(states::words_for(frames)));
        if (answer != errc::ok) return answer;
        if (how == start::fresh) {
            next.begin();
        } else {
            next.recover();
        }
        states_ = next;
        return errc::ok;
    }

    Source inner_{};
    states states_{};
};

}  // namespace ashlar
