// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bulk.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/layer/own_words.hpp>
#include <ashlar/layer/row_paths.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Frames for each CPU over a source of rows, on three levels: a row (64 frames; 32 with words of 32 bits) to
/// allocate from and one of frees that are pending, the same for rows of a line (512 frames) and for whole
/// lines of a window. What is found in or goes into them costs no atomic operation; a row or a window moves
/// from and to the source with one.
///
/// - Words: those of the slots (see `cpu_slots`; two cache lines per CPU), then those of the source.
/// - Invariant: a free frame is in the source or on one level of one slot. What slots hold is free
///   (`free_frames`, `visit_free`, which tells it after what the source has), but for the others it is as if
///   in use: `exhausted` may be said while another CPU holds some. A CPU holds at most two rows, two lines
///   and two windows; where the source keeps mobility classes apart, a row and a line more for each further
///   class. The windows of all CPUs are a sixteenth of the range at most, or of one line each.
/// - Protocol: a flush clears the slot before it gives, a take is finished before the slot is filled: a crash
///   loses what is on its way and no frame is ever in two places. `recover` discards the slots.
/// - Complexity: allocate and free of what a slot has: a few loads and stores there and, for free, the loads
///   of `would_free`. A free in a row, or window, that the slot does not have is what it allocates from next
///   if there was nothing left, else it takes the place of what was pending. But a line, and in a shared slot
///   also what is smaller, goes to the source at once, with one atomic operation and past the lock, where
///   nothing says that others of its window or row will follow: it is the first one there, and what is
///   pending is not beside it. Blocks larger than a window, a `below`, and a slot that is taken: the source.
/// - Context: each verb takes the guard. Exclusive: whatever the guard keeps off the CPU; for the rest (NMI),
///   and where CPUs have no ids, `inner()`. `this_cpu()` beyond `max_cpus` uses the source. Shared: anywhere.
/// - `isolate` sets the flags, then says `busy` until no slot holds a frame of the range: let every CPU
///   drain, and repeat it, also after an `offline` that says `busy` (frames may have been on their way into
///   a slot). The other verbs on ranges drain the caller's slot first.
/// - Failure: that of the source. A double free is detected in the caller's slot and in the source; one of a
///   frame that lies in another CPU's slot is noticed, if at all, when that slot is flushed, and goes to the
///   platform's defect hook. Of two frees of one block at the same moment both may be believed, and the block
///   be handed out twice. `ownership_checked` around the layer refuses one of them in either case.
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
class cpu_rows : private detail::row_paths<Source, Shape> {
    using core = detail::row_paths<Source, Shape>;
    using core::frames_;
    using core::inner_;
    using core::line_order;
    using core::row_order;
    using core::slots_;
    using core::window_lines_;
    using core::window_order_;
    using typename core::own_slot;
    using typename core::slot_type;
    using typename core::slots;

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return add_words(own_words(frames), Source::metadata_words(frames));
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
        if (!slots_.bound() || frames != frames_) return errc::invalid;
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) this->flush(slots_[cpu]);
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) slots_.unbind();
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept {
        flush_own();
        return inner_.offline(frames);
    }
    constexpr errc isolate(range<space> frames) noexcept {
        const errc answer = inner_.isolate(frames);
        if (answer != errc::ok) return answer;
        flush_own();
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) {
            if (slots_[cpu].touches(frames, window_order_)) return errc::busy;
        }
        return errc::ok;
    }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        flush_own();
        return inner_.revoke(frames);
    }

    [[gnu::always_inline]] constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const own_slot own(slots_);
        return this->allocate_in(own, wanted);
    }
    /// As many blocks of one request as `into` has room for; the guard is taken once for up to 64 of them.
    constexpr bulk_result allocate_bulk(request<space> wanted, view<frame<space>> into) noexcept {
        return in_sections(into.size(), [&](const own_slot& own, std::size_t at) noexcept {
            const auto got = this->allocate_in(own, wanted);
            if (got) into[at] = *got;
            return got.error();
        });
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        flush_own();
        return inner_.allocate_at(frames);
    }
    [[gnu::always_inline]] constexpr errc free(frame<space> first, unsigned order) noexcept {
        if constexpr (Shape.contract == slot_contract::shared) {
            own_slot own(slots_, typename own_slot::look{});
            if (own.slot.is_bound() && this->goes_past(own.slot, first, order)) {
                return order == line_order ? this->free_line_past(own.slot, first)
                                           : this->free_past(own.slot, first, order);
            }
            own.enter();
            return this->free_in(own, first, order);
        } else {
            const own_slot own(slots_);
            return this->free_in(own, first, order);
        }
    }
    /// Blocks of one order, up to the first that is refused; the guard is taken once for up to 64 of them.
    constexpr bulk_result free_bulk(view<const frame<space>> blocks, unsigned order) noexcept {
        return in_sections(blocks.size(), [&](const own_slot& own, std::size_t at) noexcept {
            return this->free_in(own, blocks[at], order);
        });
    }
    /// What `free` would answer on this CPU.
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        const errc wrong = inner_.would_free(first, order);
        if (wrong != errc::ok) return wrong;
        const own_slot own(slots_);
        return own.held && own.slot.holds(block(first, order), window_order_) ? errc::double_free : errc::ok;
    }

    /// The caller's slot gives back what it holds; `drain(cpu)` that of a CPU that has stopped.
    constexpr void drain() noexcept {
        inner_.drain();
        flush_own();
    }
    constexpr void drain(cpu_id cpu) noexcept {
        inner_.drain(cpu);
        if (cpu >= slots_.count()) return;
        this->flush(slots_[cpu]);
        slots_[cpu].unlock();
    }

    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        return inner_.free_frames() + held_frames();
    }
    /// What all slots hold.
    [[nodiscard]] constexpr std::uint64_t held_frames() const noexcept {
        std::uint64_t count = 0;
        for_each_held_run([&count](range<space> run) noexcept { count += run.count; });
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
        constexpr unsigned window =
            line_order + (Shape.window_order < Source::largest_window_order ? Shape.window_order
                                                                            : Source::largest_window_order);
        constexpr std::uint64_t in_row_and_line =
            (std::uint64_t{1} << row_order) + (std::uint64_t{1} << line_order);
        constexpr std::uint64_t held = (1 + core::classes) * in_row_and_line + (std::uint64_t{2} << window);
        return Counted::largest_error() + held * platform_type::max_cpus();
    }
    /// As the source, then what the slots hold.
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
        for_each_held_run(sink);
    }
    /// Also that no frame in a slot is free in the source.
    [[nodiscard]] constexpr errc validate() const noexcept {
        errc answer = inner_.validate();
        for_each_held_run([&](range<space> run) noexcept {
            for (std::uint64_t i = 0; i < run.count; ++i) {
                if (inner_.would_free(run.first + i, 0) == errc::double_free) answer = errc::corrupt;
            }
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
    [[nodiscard]] static constexpr cpu_id cpus_for(range<space> frames) noexcept {
        return slots::cpus_for(frames.count, Shape.frames_per_cpu);
    }
    [[nodiscard]] static constexpr std::size_t own_words(range<space> frames) noexcept {
        return slots::words_for(cpus_for(frames));
    }

    /// Calls `visit(range)` for what all slots hold.
    template <class Visit>
    constexpr void for_each_held_run(Visit&& visit) const noexcept {
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) {
            slots_[cpu].for_each_group(
                window_order_, [&visit](const auto& held, unsigned) noexcept { held.for_each_run(visit); });
        }
    }

    /// `each(slot, i)` for i < count until one fails.
    template <class Each>
    constexpr bulk_result in_sections(std::size_t count, Each&& each) noexcept {
        constexpr std::size_t section = 64;
        std::size_t done = 0;
        while (done < count) {
            const std::size_t end = count - done < section ? count : done + section;
            const own_slot own(slots_);
            for (; done < end; ++done) {
                if (const errc wrong = each(own, done); wrong != errc::ok) return {done, wrong};
            }
        }
        return {done, errc::ok};
    }
    constexpr void flush_own() noexcept {
        const own_slot own(slots_);
        if (own.held) this->flush(own.slot);
    }

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, start how,
                         AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<cpu_rows>(slots_.bound(), frames, words);
        if (wrong != errc::ok) return wrong;
        const cpu_id cpus = cpus_for(frames);
        if (how == start::recover && !slots::are_recoverable(words, cpus)) return errc::corrupt;
        const errc answer = attach_inner(words.subview(own_words(frames)));
        if (answer != errc::ok) return answer;
        slots_.bind(words, cpus);
        frames_ = frames;
        window_order_ = core::window_for(frames.count, cpus);
        window_lines_ = detail::low_bits<typename Source::row_bits>(1u << (window_order_ - line_order));
        return errc::ok;
    }
};

}  // namespace ashlar
