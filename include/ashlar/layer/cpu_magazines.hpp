// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/magazine_core.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ashlar {

/// Stacks of blocks for each CPU over any source, one for each small order: what was freed last is handed out
/// next, and blocks move from and to the source in batches.
///
/// - Words: those of the slots (`cpu_slots`, `magazine_slot`), a mark for each unit of isolation, then those
///   of the source.
/// - Invariant: a free frame is in the source or in one stack of one slot. A CPU holds at most `high` frames:
///   `high` x CPUs is what can lie idle. They are free (`free_frames`), but for other CPUs as if in use:
///   `exhausted` may be said while another CPU holds some. `visit_free` and counts inside tell the source's.
///   What a request prefers (node, mobility) is asked of the source when a stack is filled, not of the stack.
/// - Protocol: a refill is taken before it is pushed, a block is popped before it is handed out or given
///   back: a crash loses what is on its way, and no frame is ever in two places. `recover` discards the
///   slots.
/// - Marked units (isolated, or with a frame that was revoked) are gone around: what is freed there goes to
///   the source at once, and so does what a take finds in its stack. The mark is set after the source has
///   isolated: a take that has passed the test by then keeps its block. `isolate` then says `busy` until no
///   slot holds a frame of the range: let every CPU drain, and repeat it, also after an `offline` that says
///   `busy`. A unit is marked until it was readmitted, or went offline as a whole. Of isolate, readmit,
///   offline and revoke one works at a time; another one, and any after a crash inside, is told `busy`.
/// - Complexity: allocate and free of an order that has a stack: some loads and stores in the caller's slot,
///   the loads of `would_free`, and the source's verb once for each block, a batch at a time. Directly around
///   `locked` a batch takes the lock once. Everything else is the source's; isolate, readmit and offline look
///   at all that is held.
/// - Context: as `cpu_rows`.
/// - Failure: that of the source, and `limit` for ranges whose frames do not fit a word. A double free is
///   detected in the caller's slot and, where there is `would_free`, in the source; without it frees go to
///   the source at once. One of a frame in another CPU's slot is noticed, if at all, when that is flushed,
///   and goes to the platform's defect hook, as does whatever else the source refuses then (it stays in use);
///   the other frames of a flush are free. The hook is called with the guard, and the source's lock, held.
///
/// Source: Bonwick and Adams, Magazines and Vmem (USENIX ATC 2001); Linux, mm/page_alloc.c (per-CPU lists).
///
/// ```
/// using frames = ashlar::cpu_magazines<ashlar::locked<ashlar::list_buddy<my_platform>>>;
/// constinit frames source;
/// (void)source.attach(bank, words, ashlar::start::fresh);
/// (void)source.online(bank);
/// const auto page = source.allocate({});    // one of 64
/// (void)source.free(*page, 0);
/// source.drain();                           // the CPU's last act
/// ```
template <class Source, magazine_shape Shape = magazine_shape{}>
class cpu_magazines : private detail::magazine_core<Source, Shape> {
    using base = detail::magazine_core<Source, Shape>;
    using base::frame_at;
    using base::frames_;
    using base::inner_;
    using base::marks_;
    using base::number_of;
    using base::slots_;
    using typename base::marks;
    using typename base::own_slot;
    using typename base::slot;
    using typename base::slots;

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        const std::size_t own = base::own_words(frames);
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
    /// The slots give back what they hold first: metadata that are recovered later lack nothing.
    constexpr errc detach(range<space> frames) noexcept {
        if (!slots_.bound() || frames != frames_) return errc::invalid;
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) this->flush(slots_[cpu]);
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) this->unbind();
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept {
        this->flush_own();
        return alone([&]() noexcept {
            const errc answer = inner_.offline(frames);
            if (answer == errc::ok) unmark(frames);
            return answer;
        });
    }
    constexpr errc isolate(range<space> frames) noexcept {
        return alone([&]() noexcept {
            const errc answer = inner_.isolate(frames);
            if (answer != errc::ok) return answer;
            marks_.set(frames);
            this->flush_own();
            return this->any_holds(frames) ? errc::busy : errc::ok;
        });
    }
    constexpr errc readmit(range<space> frames) noexcept {
        return alone([&]() noexcept {
            const errc answer = inner_.readmit(frames);
            if (answer == errc::ok) unmark(frames);
            return answer;
        });
    }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        this->flush_own();
        return alone([&]() noexcept {
            const result<std::uint64_t> left = inner_.revoke(frames);
            if (left) marks_.set(frames);
            return left;
        });
    }

    [[gnu::always_inline]] constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const own_slot own(slots_);
        const unsigned stack = slot::stack_of(wanted.order);
        if (own.held && stack != slot::stacks && detail::serves_any_block(wanted)) [[likely]] {
            while (!own.slot[stack].empty()) {
                const frame<space> got = frame_at(own.slot.pop(stack));
                if (!marks_.has(got)) [[likely]]
                    return got;
                give_marked(got, wanted.order);
            }
        }
        return allocate_otherwise(own, wanted);
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        this->flush_own();
        return inner_.allocate_at(frames);
    }
    [[gnu::always_inline]] constexpr errc free(frame<space> first, unsigned order) noexcept {
        const own_slot own(slots_);
        const unsigned stack = slot::stack_of(order);
        if constexpr (free_checking_source<Source>) {
            if (own.held && stack != slot::stacks && first.number != 0) [[likely]] {
                if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) return wrong;
                if (own.slot.holds(number_of(first), order)) return errc::double_free;
                if (marks_.has(first)) return free_otherwise(own, first, order);
                if (!own.slot.has_room(slot::frames_of(stack))) this->make_room(own.slot, stack);
                own.slot.push(stack, number_of(first));
                return errc::ok;
            }
        }
        return free_otherwise(own, first, order);
    }
    /// What `free` would answer on this CPU.
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        const errc wrong = inner_.would_free(first, order);
        if (wrong != errc::ok) return wrong;
        const own_slot own(slots_);
        return own.held && own.slot.holds(number_of(first), order) ? errc::double_free : errc::ok;
    }

    /// The caller's slot gives back what it holds; `drain(cpu)` that of a CPU that has stopped.
    constexpr void drain() noexcept {
        const own_slot own(slots_);
        if (own.held) this->flush(own.slot);
        inner_.drain();
    }
    constexpr void drain(cpu_id cpu) noexcept {
        if (cpu < slots_.count()) {
            this->flush(slots_[cpu]);
            slots_[cpu].discard();
        }
        inner_.drain(cpu);
    }

    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        return inner_.free_frames() + held_frames();
    }
    /// What all slots hold.
    [[nodiscard]] constexpr std::uint64_t held_frames() const noexcept {
        std::uint64_t sum = 0;
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) sum += slots_[cpu].held_frames();
        return sum;
    }
    /// One load; what slots hold is not in it.
    template <counted_source Counted = Source>
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return inner_.approximate_free_frames();
    }
    template <counted_source Counted = Source>
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept {
        return Counted::largest_error() + std::uint64_t{Shape.high} * platform_type::max_cpus();
    }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    /// Also that no block in a slot is free in the source, or in another slot.
    [[nodiscard]] constexpr errc validate() const noexcept {
        const errc answer = inner_.validate();
        return answer == errc::ok && !this->are_sound() ? errc::corrupt : answer;
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
    [[gnu::noinline]] constexpr result<frame<space>> allocate_otherwise(
        const own_slot& own, const request<space>& wanted) noexcept {
        if (!own.held) return inner_.allocate(wanted);
        const unsigned stack = slot::stack_of(wanted.order);
        const bool suits = stack != slot::stacks && detail::serves_any_block(wanted);
        const auto got = suits ? this->refill(own.slot, stack, wanted) : inner_.allocate(wanted);
        // The slot is flushed before the source's failure is believed.
        if (got || got.error() != errc::exhausted || own.slot.empty()) return got;
        this->flush(own.slot);
        return inner_.allocate(wanted);
    }
    [[gnu::noinline]] constexpr void give_marked(frame<space> first, unsigned order) noexcept {
        base::give(inner_, first, order);
    }
    [[gnu::noinline]] constexpr errc free_otherwise(const own_slot& own, frame<space> first,
                                                    unsigned order) noexcept {
        const bool proper =
            order <= top_order && aligned(first, order) && frames_.contains(block(first, order));
        if (!own.held || !proper || !own.slot.holds(number_of(first), order)) {
            return inner_.free(first, order);
        }
        if constexpr (free_checking_source<Source>) {
            if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) return wrong;
        }
        return errc::double_free;
    }

    /// One of the verbs that change marks.
    template <class Task>
    constexpr std::invoke_result_t<Task> alone(Task task) noexcept {
        const typename marks::turn turn(marks_);
        if (!turn.taken) return errc::busy;
        return task();
    }
    /// As long as a slot holds frames of the range, which may be revoked, its marks stay.
    constexpr void unmark(range<space> frames) noexcept {
        if (!this->any_holds(frames)) marks_.clear(frames);
    }

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, start how,
                         AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<cpu_magazines>(slots_.bound(), frames, words);
        if (wrong != errc::ok) return wrong;
        if (how == start::recover && !slots::are_recoverable(words, base::cpus_for(frames))) {
            return errc::corrupt;
        }
        const errc answer = attach_inner(words.subview(base::own_words(frames)));
        if (answer == errc::ok) this->bind(frames, words, how);
        return answer;
    }
};

}  // namespace ashlar
