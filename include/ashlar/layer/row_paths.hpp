// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request_preferences.hpp>
#include <ashlar/layer/row_core.hpp>
#include <bit>
#include <cstdint>

namespace ashlar::detail {

/// What `cpu_rows` does for one block, by the caller's slot: the short paths are compiled into the caller,
/// the others are not.
template <class Source, rows_shape Shape>
class row_paths : protected row_core<Source, Shape> {
    using core = row_core<Source, Shape>;

 protected:
    using core::classes;
    using core::inner_;
    using core::line_order;
    using core::row_order;
    using core::window_order_;
    using typename core::bits;
    using typename core::lines;
    using typename core::own_slot;
    using typename core::row;
    using typename core::slot_type;
    using typename core::space;

    [[gnu::always_inline]] constexpr result<frame<space>> allocate_in(const own_slot& own,
                                                                      const request<space>& wanted) noexcept {
        if (own.held && serves_any_block(wanted)) [[likely]] {
            if (wanted.order < row_order) [[likely]] {
                const auto place = own.slot.allocation(core::class_of(wanted));
                const row held = place.get();
                if (const bits taken = held.lowest_block(wanted.order); taken != 0) [[likely]] {
                    place.leave(static_cast<bits>(held.mask & ~taken));
                    return held.first_of(taken);
                }
            } else if (wanted.order == line_order) {
                const auto place = own.slot.allocation_lines();
                const lines held = place.get();
                if (held.mask != 0) [[likely]] {
                    place.leave(static_cast<bits>(held.mask & (held.mask - 1)));
                    return held.first_of(held.mask);
                }
            }
        }
        return allocate_otherwise(own.held ? own.slot : slot_type{}, request_preferences(wanted),
                                  wanted.nodes.bits, wanted.below.number);
    }
    [[gnu::always_inline]] constexpr errc free_in(const own_slot& own, frame<space> first,
                                                  unsigned order) noexcept {
        if (!own.held || first.number == 0) [[unlikely]]
            return free_otherwise(own.held, own.slot, first, order);
        if (order >= row_order) [[unlikely]] {
            if (order != line_order || line_order > Source::top_order)
                return free_otherwise(own.held, own.slot, first, order);
            if (Shape.contract == slot_contract::exclusive && line_goes_past(own.slot, first))
                return free_line_past(own.slot, first);
            return this->free_line(own.slot, first);
        }
        if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) [[unlikely]]
            return wrong;
        const row freed = this->row_of(first, order);
        for (unsigned class_index = 0; class_index < classes; ++class_index) {
            const auto place = own.slot.allocation(class_index);
            const row held = place.get();
            if (held.key != freed.key) continue;
            if ((held.mask & freed.mask) != 0) return errc::double_free;
            place.leave(static_cast<bits>(held.mask | freed.mask));
            return errc::ok;
        }
        const row pending = own.slot.pending().get();
        if (pending.key != freed.key) return free_elsewhere(own.slot, freed);
        if ((pending.mask & freed.mask) != 0) return errc::double_free;
        own.slot.pending().leave(static_cast<bits>(pending.mask | freed.mask));
        return pending.with(freed.mask).is_full(row_order) ? free_full_row(own.slot) : errc::ok;
    }
    /// A free that would only take another one's place in a shared slot: the slot's lock is not worth an
    /// atomic operation. By a look without it.
    [[nodiscard, gnu::always_inline]] constexpr bool goes_past(slot_type slot, frame<space> first,
                                                               unsigned order) const noexcept {
        if (order >= row_order) [[unlikely]]
            return order == line_order && line_goes_past(slot, first);
        const row freed = this->row_of(first, order);
        const row pending = slot.pending().get();
        return pending.key != 0 && pending.is_far_from(freed.key, row_order) &&
               core::allocation_of(slot, freed.key) == classes &&
               slot.allocation(this->class_of(first)).units() != 0 && !slot.is_repeated(freed.key);
    }
    [[gnu::noinline]] constexpr errc free_past(slot_type slot, frame<space> first, unsigned order) noexcept {
        return this->holds_larger(slot, first) ? free_held(slot, first, order) : inner_.free(first, order);
    }
    [[gnu::noinline]] constexpr errc free_line_past(slot_type slot, frame<space> first) noexcept {
        if (!slot.holds_in_line(first)) [[likely]]
            return inner_.free(first, line_order);
        if constexpr (Shape.contract == slot_contract::shared) {
            return free_held(slot, first, line_order);
        } else {
            return this->free_line(slot, first);
        }
    }

 private:
    /// A line that would only take the place of others, of a window that is not beside its own: the source
    /// has it at once.
    [[nodiscard, gnu::always_inline]] constexpr bool line_goes_past(slot_type slot,
                                                                    frame<space> first) const noexcept {
        const lines pending = slot.pending_lines().get();
        if (pending.key == 0) return false;
        const bits key = lines::block(first, line_order, window_order_).key;
        const lines held = slot.allocation_lines().get();
        return pending.is_far_from(key, window_order_) && held.key != key && held.mask != 0 &&
               !slot.is_repeated(key);
    }
    /// `slot`: the caller's, if it is held.
    [[gnu::noinline]] constexpr result<frame<space>> allocate_otherwise(slot_type slot,
                                                                        request_preferences what,
                                                                        std::uint64_t nodes,
                                                                        std::uint64_t below) noexcept {
        const request<space> wanted = what.template with<space>(nodes, below);
        if (!slot.is_bound()) return inner_.allocate(wanted);
        if (wanted.order <= window_order_ && serves_any_block(wanted)) {
            const auto got = wanted.order < row_order    ? this->take_small(slot, wanted)
                             : wanted.order < line_order ? this->take_rows(slot, wanted)
                                                         : this->take_lines(slot, wanted);
            if (got || got.error() == errc::limit) return got;
        }
        const auto got = inner_.allocate(wanted);
        // The slot is flushed before the source's failure is believed.
        if (got || got.error() != errc::exhausted || slot.is_empty()) return got;
        this->flush(slot);
        return inner_.allocate(wanted);
    }

    /// Part of a row that is neither of the slot's. Calls are in the last place, here and where they lead:
    /// what is rare then costs no registers.
    [[gnu::noinline]] constexpr errc free_elsewhere(slot_type slot, row freed) noexcept {
        if (this->holds_larger(slot, freed.first())) return errc::double_free;
        if (slot.allocation(this->class_of(freed.first())).units() == 0) [[unlikely]]
            return free_to_empty(slot, freed);
        return give_row(slot.pending().replace(freed));
    }
    [[gnu::noinline]] constexpr errc free_to_empty(slot_type slot, row freed) noexcept {
        if (!inner_.offers_row(freed.first())) return give_row(slot.pending().replace(freed));
        slot.allocation(this->class_of(freed.first())).set(freed);
        return errc::ok;
    }
    [[gnu::noinline, gnu::flatten]] constexpr errc give_row(row held) noexcept {
        this->give(held);
        return errc::ok;
    }
    /// What the slot was seen to hold: looked at once more, in the slot.
    [[gnu::noinline]] constexpr errc free_held(slot_type slot, frame<space> first, unsigned order) noexcept {
        const own_slot own(slot);
        return free_in(own, first, order);
    }
    [[gnu::noinline]] constexpr errc free_full_row(slot_type slot) noexcept {
        this->join_rows(slot, slot.pending().clear().first());
        return errc::ok;
    }
    [[gnu::noinline]] constexpr errc free_otherwise(bool held, slot_type slot, frame<space> first,
                                                    unsigned order) noexcept {
        if (!held || order > Source::top_order || !aligned(first, order)) return inner_.free(first, order);
        const range<space> frames = block(first, order);
        if (slot.holds(frames, window_order_)) {
            const errc wrong = inner_.would_free(first, order);
            return wrong == errc::ok ? errc::double_free : wrong;
        }
        if (order < row_order || order > window_order_ || first.number == 0) return inner_.free(first, order);
        return order < line_order ? this->free_rows(slot, first, order)
                                  : this->free_lines(slot, first, order);
    }
};

}  // namespace ashlar::detail
