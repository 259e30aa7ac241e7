// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/source/row_bits.hpp>
#include <bit>
#include <cstdint>

namespace ashlar::detail {

/// Some units side by side that a slot holds: bit i of `mask` is unit i of the group that `key` names. A unit
/// has 2^UnitOrder frames; a group begins at a multiple of its size, which the caller knows. `key` is the
/// number of the group's first unit plus one, 0 for no group. A group stays named when nothing of it is left.
template <class Space, class Bits, unsigned UnitOrder>
struct held_units {
    using bits = Bits;

    Bits key = 0;
    Bits mask = 0;

    [[nodiscard]] static constexpr held_units of(row_of_frames<Space, Bits> group) noexcept {
        return {static_cast<Bits>((group.first.number >> UnitOrder) + 1), group.mask};
    }
    /// A block of at least one unit, in its group: `within` is the group's size, as an order.
    [[nodiscard]] static constexpr held_units block(frame<Space> first, unsigned order,
                                                    unsigned within) noexcept {
        const std::uint64_t inside = first.number & ((std::uint64_t{1} << within) - 1);
        return {static_cast<Bits>(((first.number - inside) >> UnitOrder) + 1),
                block_bits<Bits>(static_cast<unsigned>(inside >> UnitOrder), order - UnitOrder)};
    }

    [[nodiscard]] constexpr frame<Space> first() const noexcept {
        return {(std::uint64_t{key} - 1) << UnitOrder};
    }
    /// The first frame of the lowest unit of `some`.
    [[nodiscard]] constexpr frame<Space> first_of(Bits some) const noexcept {
        return {first().number + (std::uint64_t{static_cast<unsigned>(std::countr_zero(some))} << UnitOrder)};
    }
    [[nodiscard]] constexpr row_of_frames<Space, Bits> group() const noexcept { return {first(), mask}; }
    /// Of a group of 2^group_order frames.
    [[nodiscard]] constexpr bool is_full(unsigned group_order) const noexcept {
        return mask == low_bits<Bits>(1u << (group_order - UnitOrder));
    }
    [[nodiscard]] constexpr bool touches(range<Space> frames, unsigned group_order) const noexcept {
        return key != 0 && frames.overlaps({first(), std::uint64_t{1} << group_order});
    }
    /// `other` is the key of neither this group, of 2^group_order frames, nor one beside it. There is one.
    [[nodiscard]] constexpr bool is_far_from(Bits other, unsigned group_order) const noexcept {
        const Bits size = static_cast<Bits>(Bits{1} << (group_order - UnitOrder));
        return static_cast<Bits>(other - key + size) > static_cast<Bits>(2 * size);
    }
    /// Part of the frames is in a unit that is held.
    [[nodiscard]] constexpr bool holds(range<Space> frames, unsigned group_order) const noexcept {
        if (mask == 0 || !touches(frames, group_order)) return false;
        const std::uint64_t from = first().number;
        const std::uint64_t begin = frames.first.number < from ? 0 : frames.first.number - from;
        const std::uint64_t last = frames.end().number - 1 - from;
        const std::uint64_t group = std::uint64_t{1} << group_order;
        const auto low = static_cast<unsigned>(begin >> UnitOrder);
        const auto high = static_cast<unsigned>((last < group ? last : group - 1) >> UnitOrder);
        return (mask & static_cast<Bits>(low_bits<Bits>(high - low + 1) << low)) != 0;
    }
    /// The unit of a frame is held.
    [[nodiscard]] constexpr bool holds(frame<Space> one, unsigned group_order) const noexcept {
        const std::uint64_t inside = one.number - first().number;
        return inside >> group_order == 0 && (mask >> (inside >> UnitOrder) & 1) != 0;
    }
    [[nodiscard]] constexpr held_units with(Bits some) const noexcept {
        return {key, static_cast<Bits>(mask | some)};
    }
    [[nodiscard]] constexpr held_units without(Bits some) const noexcept {
        return {key, static_cast<Bits>(mask & ~some)};
    }
    /// The bits of a block of `order` frames; 0 if there is none, or if it is larger than a word of units.
    [[nodiscard]] constexpr Bits lowest_block(unsigned order) const noexcept {
        if (order == UnitOrder) [[likely]]
            return static_cast<Bits>(mask & (Bits{0} - mask));
        if (order - UnitOrder >= block_masks<Bits>::orders) return 0;
        const Bits blocks = free_blocks(mask, order - UnitOrder);
        if (blocks == 0) return 0;
        return block_bits<Bits>(static_cast<unsigned>(std::countr_zero(blocks)), order - UnitOrder);
    }

    /// Calls `visit(first frame)` for each unit of `some`.
    template <class Visit>
    constexpr void for_each_unit(Bits some, Visit&& visit) const noexcept {
        for (; some != 0; some = static_cast<Bits>(some & (some - 1))) visit(first_of(some));
    }
    /// Calls `visit(range)` for the frames held.
    template <class Visit>
    constexpr void for_each_run(Visit&& visit) const noexcept {
        for (Bits some = mask; some != 0;) {
            const auto bit = static_cast<unsigned>(std::countr_zero(some));
            const auto length = static_cast<unsigned>(std::countr_one(static_cast<Bits>(some >> bit)));
            visit(range<Space>{first_of(some), std::uint64_t{length} << UnitOrder});
            some = static_cast<Bits>(some & ~(low_bits<Bits>(length) << bit));
        }
    }
};

}  // namespace ashlar::detail
