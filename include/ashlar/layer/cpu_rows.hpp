// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/cpu_slot.hpp>
#include <ashlar/layer/cpu_slots.hpp>
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
/// - Words: those of the slots (see `cpu_slots`; a cache line per CPU), then those of the source.
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
    static_assert(Shape.frames_per_cpu >= 1,
                  "cpu_rows<Source, rows_shape>: frames_per_cpu must be at least 1");

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;
    /// Frames of a row, as an order: the largest block that comes out of a slot.
    static constexpr unsigned row_order = Source::largest_row_order;

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
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) flush(slots_[cpu]);
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) slots_.unbind();
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
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) {
            if (slots_[cpu].touches(frames)) return errc::busy;
        }
        return errc::ok;
    }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        drain();
        return inner_.revoke(frames);
    }

    [[gnu::always_inline]] constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const own_slot own(slots_);
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
        const own_slot own(slots_);
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
        const own_slot own(slots_);
        return own.held && own.slot.holds(first, order) ? errc::double_free : errc::ok;
    }

    /// The caller's slot gives back what it holds; `drain(cpu)` that of a CPU that has stopped.
    constexpr void drain() noexcept {
        const own_slot own(slots_);
        if (own.held) flush(own.slot);
    }
    constexpr void drain(cpu_id cpu) noexcept {
        inner_.drain(cpu);
        if (cpu >= slots_.count()) return;
        flush(slots_[cpu]);
        slots_[cpu].unlock();
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

    using slots = detail::cpu_slots<platform_type, slot_type, Shape.contract>;
    using own_slot = typename slots::own;

    [[nodiscard]] static constexpr cpu_id cpus_for(range<space> frames) noexcept {
        return slots::cpus_for(frames.count, Shape.frames_per_cpu);
    }
    [[nodiscard]] static constexpr std::size_t own_words(range<space> frames) noexcept {
        return slots::words_for(cpus_for(frames));
    }

    template <class Visit>
    constexpr void for_each_held_row(Visit&& visit) const noexcept {
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) {
            for (const held_row row : {slots_[cpu].allocation(), slots_[cpu].pending()}) {
                if (row.mask != 0) visit(row);
            }
        }
    }

    [[nodiscard]] static constexpr bool fits_a_row(const request<space>& wanted) noexcept {
        return wanted.order <= row_order && detail::serves_any_block(wanted);
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
        const errc wrong = check_attach<cpu_rows>(slots_.bound(), frames, words);
        if (wrong != errc::ok) return wrong;
        const cpu_id cpus = cpus_for(frames);
        if (how == start::recover && !slots::are_recoverable(words, cpus)) return errc::corrupt;
        const errc answer = attach_inner(words.subview(own_words(frames)));
        if (answer != errc::ok) return answer;
        slots_.bind(words, cpus);
        frames_ = frames;
        return errc::ok;
    }

    Source inner_{};
    range<space> frames_{};
    slots slots_{};
};

}  // namespace ashlar
