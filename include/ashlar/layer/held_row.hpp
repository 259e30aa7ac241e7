// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/source/row_bits.hpp>
#include <bit>
#include <cstdint>

namespace ashlar::detail {

/// Some frames of one row of 2^RowOrder. `key` is the row's number plus one, 0 for no row.
template <class Space, class Bits, unsigned RowOrder>
struct held_row {
    using bits = Bits;

    Bits key = 0;
    Bits mask = 0;

    /// The row that starts at `first`.
    [[nodiscard]] static constexpr held_row of(frame<Space> first, Bits mask) noexcept {
        return {static_cast<Bits>((first.number >> RowOrder) + 1), mask};
    }
    /// A block inside a row.
    [[nodiscard]] static constexpr held_row block(frame<Space> first, unsigned order) noexcept {
        const auto bit = static_cast<unsigned>(first.number & ((std::uint64_t{1} << RowOrder) - 1));
        return of(first, block_bits<Bits>(bit, order));
    }

    [[nodiscard]] constexpr frame<Space> first() const noexcept {
        return {(std::uint64_t{key} - 1) << RowOrder};
    }
    /// The frame of the lowest bit of `some`.
    [[nodiscard]] constexpr frame<Space> first_of(Bits some) const noexcept {
        return {first().number + static_cast<unsigned>(std::countr_zero(some))};
    }
    [[nodiscard]] constexpr bool is_full() const noexcept { return mask == low_bits<Bits>(1u << RowOrder); }
    [[nodiscard]] constexpr bool touches(range<Space> frames) const noexcept {
        return key != 0 && frames.overlaps({first(), std::uint64_t{1} << RowOrder});
    }
    /// Part of the block is here.
    [[nodiscard]] constexpr bool holds(frame<Space> from, unsigned order) const noexcept {
        if (order >= 64 || mask == 0) return false;
        if (order >= RowOrder) return touches(ashlar::block(from, order));
        return key == of(from, 0).key && (mask & block(from, order).mask) != 0;
    }
    [[nodiscard]] constexpr held_row with(Bits some) const noexcept {
        return {key, static_cast<Bits>(mask | some)};
    }
    [[nodiscard]] constexpr held_row without(Bits some) const noexcept {
        return {key, static_cast<Bits>(mask & ~some)};
    }
    /// The bits of a block of `order`; 0 if there is none.
    [[nodiscard]] constexpr Bits lowest_block(unsigned order) const noexcept {
        if (order == 0) return static_cast<Bits>(mask & (Bits{0} - mask));
        if (order > RowOrder) return 0;
        const Bits blocks = free_blocks(mask, order);
        if (blocks == 0) return 0;
        return block_bits<Bits>(static_cast<unsigned>(std::countr_zero(blocks)), order);
    }

    template <class Visit>
    constexpr void for_each_frame(Bits some, Visit&& visit) const noexcept {
        for (; some != 0; some = static_cast<Bits>(some & (some - 1))) visit(first_of(some));
    }
    template <class Visit>
    constexpr void for_each_run(Bits some, Visit&& visit) const noexcept {
        while (some != 0) {
            const auto bit = static_cast<unsigned>(std::countr_zero(some));
            const auto length = static_cast<unsigned>(std::countr_one(static_cast<Bits>(some >> bit)));
            visit(range<Space>{first_of(some), length});
            some = static_cast<Bits>(some & ~(low_bits<Bits>(length) << bit));
        }
    }
};

}  // namespace ashlar::detail
