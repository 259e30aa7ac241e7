// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/cpu_slot.hpp>
#include <ashlar/layer/cpu_slots.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// Constants of `cpu_rows`.
struct rows_shape {
    slot_contract contract = slot_contract::exclusive;
    /// In smaller ranges, by CPU, nothing is kept per CPU: it would be too much of what there is.
    std::uint32_t frames_per_cpu = 4096;
    /// At most so many whole lines are taken and given at once, as an order. Fewer where all CPUs together
    /// could hold more than a sixteenth of the range so.
    unsigned window_order = 5;
};

namespace detail {

/// What moves between a CPU's slot and the source of `cpu_rows`, and between the levels of a slot: a row is
/// filled from the slot's lines, a full row becomes part of a line, a full line part of a window. The caller
/// is in the slot.
template <class Source, rows_shape Shape>
class row_core {
    // Here, for the base comes first: a wrong composition is told in one sentence.
    static_assert(row_source<Source>,
                  "cpu_rows<Source>: Source must be a row_source (take_row, give_row), as radix_buddy is");
    static_assert(free_checking_source<Source>,
                  "cpu_rows<Source>: Source must be a free_checking_source (would_free)");
    static_assert(cpu_local<typename Source::platform_type>,
                  "cpu_rows<Source>: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");
    static_assert(Shape.frames_per_cpu >= 1,
                  "cpu_rows<Source, rows_shape>: frames_per_cpu must be at least 1");

 protected:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    using bits = typename Source::row_bits;

    static constexpr unsigned row_order = Source::largest_row_order;
    static constexpr unsigned line_order = Source::row_line_order;
    static_assert(line_order - row_order <= 5, "cpu_rows<Source>: at most 32 rows to a line");
    static constexpr bits all_rows = low_bits<bits>(1u << (line_order - row_order));

    static constexpr unsigned classes = Source::mobility_classes;
    using slot_type = cpu_slot<word, space, row_order, line_order, classes>;
    using slots = cpu_slots<platform_type, slot_type, Shape.contract>;
    using own_slot = typename slots::own;
    using row = typename slot_type::row;
    using rows = typename slot_type::rows;
    using lines = typename slot_type::lines;

    [[nodiscard]] constexpr row row_of(frame<space> first, unsigned order) const noexcept {
        return row::block(first, order, row_order);
    }

    /// Which of the slot's rows a request takes from.
    [[nodiscard]] static constexpr unsigned class_of(const request<space>& wanted) noexcept {
        return classes == 1 ? 0 : static_cast<unsigned>(wanted.mobility) % classes;
    }
    /// Of the line of a frame, which may be foreign.
    [[nodiscard]] constexpr unsigned class_of(frame<space> first) const noexcept {
        return classes == 1 || !frames_.contains(first) ? 0u : static_cast<unsigned>(inner_.class_of(first));
    }
    /// The row of that key that the slot allocates from, by class; `classes` if it is none.
    [[nodiscard]] constexpr unsigned allocation_of(slot_type slot, bits key) const noexcept {
        unsigned class_index = 0;
        while (class_index < classes && slot.allocation(class_index).key() != key) ++class_index;
        return class_index;
    }
    [[nodiscard]] constexpr unsigned allocation_rows_of(slot_type slot, bits key) const noexcept {
        unsigned class_index = 0;
        while (class_index < classes && slot.allocation_rows(class_index).key() != key) ++class_index;
        return class_index;
    }

    /// The order of a window for a range and CPUs.
    [[nodiscard]] static constexpr unsigned window_for(std::uint64_t frames, cpu_id cpus) noexcept {
        unsigned order =
            line_order + (Shape.window_order < Source::largest_window_order ? Shape.window_order
                                                                            : Source::largest_window_order);
        while (order > line_order && (std::uint64_t{cpus} << (order + 5)) > frames) --order;
        return order;
    }

    /// A block smaller than a row, from the slot or from what the slot then gets.
    constexpr result<frame<space>> take_small(slot_type slot, const request<space>& wanted) noexcept {
        const unsigned class_index = class_of(wanted);
        const row last = slot.allocation(class_index).clear();
        give(last);
        const frame<space> near = last.key != 0 ? last.first() : no_limit<space>;
        if (const row pending = slot.pending().get(); pending.lowest_block(wanted.order) != 0 &&
                                                      inner_.offers_row(pending.first()) &&
                                                      class_of(pending.first()) == class_index) {
            return take_from(slot, class_index, slot.pending().clear(), wanted.order);
        }
        if (slot.allocation_rows(class_index).get().mask != 0)
            return take_from(slot, class_index, take_row(slot, class_index), wanted.order);
        const auto used = inner_.take_row(wanted, near);
        if (used) return take_from(slot, class_index, with_held(slot, row::of(*used)), wanted.order);
        if (used.error() != errc::exhausted) return used.error();
        const errc answer = refill_rows(slot, wanted);
        if (answer == errc::ok)
            return take_from(slot, class_index, take_row(slot, class_index), wanted.order);
        if constexpr (classes != 1) {
            if (answer != errc::exhausted) return answer;
            const auto other = inner_.steal_row(wanted);
            if (other) return take_from(slot, class_index, with_held(slot, row::of(*other)), wanted.order);
        }
        return answer;
    }
    /// Rows side by side, of those that the slot has.
    constexpr result<frame<space>> take_rows(slot_type slot, const request<space>& wanted) noexcept {
        const auto place = slot.allocation_rows(class_of(wanted));
        const rows held = place.get();
        const bits block = held.lowest_block(wanted.order);
        if (block == 0) return errc::exhausted;
        place.leave(static_cast<bits>(held.mask & ~block));
        return held.first_of(block);
    }
    /// Lines side by side, from the slot or from what the slot then gets.
    constexpr result<frame<space>> take_lines(slot_type slot, const request<space>& wanted) noexcept {
        lines held = slot.allocation_lines().get();
        bits block = held.lowest_block(wanted.order);
        if (block == 0) {
            if (const errc answer = refill_lines(slot, wanted); answer != errc::ok) return answer;
            held = slot.allocation_lines().get();
            block = held.lowest_block(wanted.order);
            if (block == 0) return errc::exhausted;
        }
        slot.allocation_lines().leave(static_cast<bits>(held.mask & ~block));
        return held.first_of(block);
    }

    [[gnu::noinline]] constexpr errc free_rows(slot_type slot, frame<space> first, unsigned order) noexcept {
        const rows freed = rows::block(first, order, line_order);
        const bool joins =
            allocation_rows_of(slot, freed.key) != classes || slot.pending_rows().get().key == freed.key;
        if (!joins) return inner_.free(first, order);
        if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) return wrong;
        freed.for_each_unit(freed.mask, [&](frame<space> each) noexcept { join_rows(slot, each); });
        return errc::ok;
    }
    [[gnu::noinline]] constexpr errc free_line(slot_type slot, frame<space> first) noexcept {
        if (const errc wrong = inner_.would_free(first, line_order); wrong != errc::ok) return wrong;
        if (slot.holds_in_line(first)) return errc::double_free;
        return keep_lines(slot, lines::block(first, line_order, window_order_));
    }
    /// Several lines of a window.
    [[gnu::noinline]] constexpr errc free_lines(slot_type slot, frame<space> first, unsigned order) noexcept {
        const errc wrong = inner_.would_free(first, order);
        return wrong != errc::ok ? wrong : keep_lines(slot, lines::block(first, order, window_order_));
    }
    [[gnu::always_inline]] constexpr errc keep_lines(slot_type slot, lines freed) noexcept {
        const auto allocation = slot.allocation_lines();
        const auto pending = slot.pending_lines();
        const lines held = allocation.get();
        const lines waiting = pending.get();
        const bool is_waiting = waiting.key == freed.key;
        if (is_waiting && (waiting.mask & freed.mask) != 0) return errc::double_free;
        if (held.key == freed.key) {
            if ((held.mask & freed.mask) != 0) return errc::double_free;
            allocation.leave(static_cast<bits>(held.mask | freed.mask));
        } else if (held.mask == 0 && inner_.offers_row(freed.first_of(freed.mask))) {
            allocation.set(freed);
        } else if (is_waiting && waiting.with(freed.mask).mask != window_lines_) {
            pending.leave(static_cast<bits>(waiting.mask | freed.mask));
        } else {
            leave_pending_lines(slot, freed);
        }
        return errc::ok;
    }

    /// A frame is held as part of a row or of a line.
    [[nodiscard]] constexpr bool holds_larger(slot_type slot, frame<space> one) const noexcept {
        bool any = false;
        for (unsigned class_index = 0; class_index < classes; ++class_index)
            any = any || slot.allocation_rows(class_index).holds(one, line_order);
        return any || slot.pending_rows().holds(one, line_order) ||
               slot.allocation_lines().holds(one, window_order_) ||
               slot.pending_lines().holds(one, window_order_);
    }
    /// A full row that was pending joins the slot's rows of its line.
    constexpr void join_rows(slot_type slot, frame<space> first) noexcept {
        const rows freed = rows::block(first, row_order, line_order);
        const unsigned class_index = allocation_rows_of(slot, freed.key);
        const auto place = class_index != classes ? slot.allocation_rows(class_index) : slot.pending_rows();
        rows held = place.get();
        if (class_index == classes) {
            if (held.key != freed.key) {
                give(place.clear());
                held = {freed.key, 0};
            }
        }
        held = held.with(freed.mask);
        if (held.mask != all_rows) return place.set(held);
        place.set({});
        join_lines(slot, held.first());
    }
    /// A line of which the slot had all rows joins its lines.
    constexpr void join_lines(slot_type slot, frame<space> first) noexcept {
        const lines freed = lines::block(first, line_order, window_order_);
        const lines held = slot.allocation_lines().get();
        if (held.key == freed.key) return slot.allocation_lines().set(held.with(freed.mask));
        leave_pending_lines(slot, freed);
    }
    /// Lines that were freed wait for the others of their window; a full window goes back.
    [[gnu::noinline]] constexpr void leave_pending_lines(slot_type slot, lines freed) noexcept {
        lines pending = slot.pending_lines().get();
        if (pending.key != freed.key) {
            give(slot.pending_lines().clear());
            pending = {freed.key, 0};
        }
        pending = pending.with(freed.mask);
        if (pending.mask != window_lines_) return slot.pending_lines().set(pending);
        slot.pending_lines().set({});
        give(pending);
    }

    constexpr void flush(slot_type slot) noexcept {
        for (unsigned class_index = 0; class_index < classes; ++class_index) {
            give(slot.allocation(class_index).clear());
            give(slot.allocation_rows(class_index).clear());
        }
        give(slot.pending().clear());
        give(slot.pending_rows().clear());
        give(slot.allocation_lines().clear());
        give(slot.pending_lines().clear());
    }
    /// Units that are in no slot any more go back.
    constexpr void give(row held) noexcept {
        if (held.mask == 0) return;
        if (const bits refused = inner_.give_row(held.first(), held.mask); refused != 0) [[unlikely]]
            report(held.first(), 0, refused);
    }
    constexpr void give(rows held) noexcept {
        held.for_each_unit(held.mask, [this](frame<space> first) noexcept {
            give(row{row_of(first, 0).key, low_bits<bits>(1u << row_order)});
        });
    }
    constexpr void give(lines held) noexcept {
        if (held.mask == 0) return;
        if (const bits refused = inner_.give_lines(held.first(), held.mask); refused != 0) [[unlikely]]
            report(held.first(), line_order, refused);
    }

    Source inner_{};
    range<space> frames_{};
    slots slots_{};
    unsigned window_order_ = line_order;
    bits window_lines_ = 1;  ///< all lines of a window

 private:
    /// One row is in one place: what the slot has of it elsewhere comes along.
    [[nodiscard]] constexpr row with_held(slot_type slot, row taken) noexcept {
        if (slot.pending().get().key == taken.key) taken = taken.with(slot.pending().clear().mask);
        if (const unsigned other = classes == 1 ? classes : allocation_of(slot, taken.key);
            other != classes) {
            taken = taken.with(slot.allocation(other).clear().mask);
        }
        return taken;
    }
    /// A block of a row that has one; the rest is what the slot allocates from.
    [[nodiscard]] constexpr frame<space> take_from(slot_type slot, unsigned class_index, row held,
                                                   unsigned order) noexcept {
        const bits block = held.lowest_block(order);
        slot.allocation(class_index).set(held.without(block));
        return held.first_of(block);
    }
    /// A row of those that the slot has, of which there is one.
    [[nodiscard]] constexpr row take_row(slot_type slot, unsigned class_index) noexcept {
        const rows held = slot.allocation_rows(class_index).get();
        const bits lowest = held.lowest_block(row_order);
        slot.allocation_rows(class_index).leave(static_cast<bits>(held.mask & ~lowest));
        return {row_of(held.first_of(lowest), 0).key, low_bits<bits>(1u << row_order)};
    }
    /// The slot has no rows to allocate from: those that are pending, or those of a whole line.
    [[gnu::noinline]] constexpr errc refill_rows(slot_type slot, const request<space>& wanted) noexcept {
        const unsigned class_index = class_of(wanted);
        if (const rows pending = slot.pending_rows().get(); pending.mask != 0 &&
                                                            inner_.offers_row(pending.first()) &&
                                                            class_of(pending.first()) == class_index) {
            slot.allocation_rows(class_index).set(slot.pending_rows().clear());
            return errc::ok;
        }
        if (slot.allocation_lines().get().mask == 0) {
            if (const errc answer = refill_lines(slot, wanted); answer != errc::ok) return answer;
        }
        const lines held = slot.allocation_lines().get();
        const bits lowest = held.lowest_block(line_order);
        slot.allocation_lines().leave(static_cast<bits>(held.mask & ~lowest));
        if constexpr (classes != 1) inner_.set_class_of(held.first_of(lowest), wanted.mobility);
        slot.allocation_rows(class_index)
            .set({rows::block(held.first_of(lowest), row_order, line_order).key, all_rows});
        return errc::ok;
    }
    /// The slot has no such lines to allocate from: those that are pending, or a window of the source.
    [[gnu::noinline]] constexpr errc refill_lines(slot_type slot, const request<space>& wanted) noexcept {
        const lines last = slot.allocation_lines().clear();
        give(last);
        if (const lines pending = slot.pending_lines().get();
            pending.lowest_block(wanted.order < line_order ? line_order : wanted.order) != 0 &&
            offers(pending)) {
            slot.allocation_lines().set(slot.pending_lines().clear());
            return errc::ok;
        }
        const auto taken = inner_.take_lines(wanted, window_order_ - line_order,
                                             last.key != 0 ? last.first() : no_limit<space>);
        if (!taken) return taken.error();
        lines window = lines::of(*taken);
        // One window is in one place: what is pending of it comes along.
        if (slot.pending_lines().get().key == window.key) {
            window = window.with(slot.pending_lines().clear().mask);
        }
        slot.allocation_lines().set(window);
        return errc::ok;
    }
    [[nodiscard]] constexpr bool offers(lines held) const noexcept {
        bool all = true;
        held.for_each_unit(held.mask,
                           [&](frame<space> first) noexcept { all = all && inner_.offers_row(first); });
        return all;
    }

    /// Units that the source refused. Revoked ones are lost to nobody; the others were free already.
    [[gnu::noinline]] constexpr void report(frame<space> first, unsigned unit_order, bits refused) noexcept {
        for (; refused != 0; refused = static_cast<bits>(refused & (refused - 1))) {
            const auto unit = std::uint64_t{static_cast<unsigned>(std::countr_zero(refused))} << unit_order;
            if (inner_.owns(first + unit)) platform_type::defect(errc::double_free, first.number + unit);
        }
    }
};

}  // namespace detail

}  // namespace ashlar
