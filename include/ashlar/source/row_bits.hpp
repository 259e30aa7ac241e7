// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <limits>

namespace ashlar::detail {

/// Bits of one word as frames (or lines): set = free. Blocks are naturally aligned within the word.
template <class Bits>
inline constexpr unsigned width = std::numeric_limits<Bits>::digits;

/// The lowest `count` bits; all of them from `width` on.
template <class Bits>
[[nodiscard]] constexpr Bits low_bits(unsigned count) noexcept {
    return count >= width<Bits> ? static_cast<Bits>(~Bits{0}) : static_cast<Bits>((Bits{1} << count) - 1);
}

/// One bit at every multiple of 2^order, and the bits of the first block, by order: looked up, for a search
/// cannot afford the division, nor a free the shifts.
template <class Bits>
struct block_masks {
    static constexpr unsigned orders = static_cast<unsigned>(std::countr_zero(width<Bits>)) + 1;
    Bits starts[orders] = {};
    Bits first[orders] = {};
    constexpr block_masks() noexcept {
        Bits every = 1;
        for (unsigned order = orders - 1; order != 0; --order) {
            starts[order] = every;
            every = static_cast<Bits>(every | (every << (1u << (order - 1))));
        }
        starts[0] = every;
        for (unsigned order = 0; order < orders; ++order) first[order] = low_bits<Bits>(1u << order);
    }
};
template <class Bits>
inline constexpr block_masks<Bits> all_block_masks{};
template <class Bits>
[[nodiscard]] constexpr Bits starts(unsigned order) noexcept {
    return all_block_masks<Bits>.starts[order];
}

/// The bits of the block of 2^order, at most a word, that starts at `bit`.
template <class Bits>
[[nodiscard]] constexpr Bits block_bits(unsigned bit, unsigned order) noexcept {
    return static_cast<Bits>(all_block_masks<Bits>.first[order] << bit);
}

/// The start bits of all free blocks of 2^order.
template <class Bits>
[[nodiscard]] constexpr Bits free_blocks(Bits row, unsigned order) noexcept {
    for (unsigned k = 0; k < order; ++k)
        row = static_cast<Bits>(row & (row >> (1u << k)) & starts<Bits>(k + 1));
    return row;
}

/// True if there is a free block of 2^order that `fresh`, some of the free frames, lie in. May be true, too,
/// if `fresh` is more than a frame and there is another one.
template <class Bits>
[[nodiscard, gnu::always_inline]] constexpr bool has_block_with(Bits row, unsigned order,
                                                                Bits fresh) noexcept {
    if ((fresh & (fresh - 1)) != 0) return free_blocks(row, order) != 0;
    const auto bit = static_cast<unsigned>(std::countr_zero(fresh));
    const Bits wanted = block_bits<Bits>(bit & ~((1u << order) - 1), order);
    return (row & wanted) == wanted;
}

/// One more than the order of the largest free block; 0 when nothing is free.
template <class Bits>
[[nodiscard]] constexpr unsigned largest_block(Bits row) noexcept {
    unsigned rank = 0;
    for (; row != 0; ++rank) {
        if ((1u << rank) >= width<Bits>) return rank + 1;
        row = static_cast<Bits>(row & (row >> (1u << rank)) & starts<Bits>(rank + 1));
    }
    return rank;
}

/// The start of a free block of 2^order that lies in the smallest larger free block (a buddy allocator's
/// choice: larger blocks stay whole). `free_blocks(row, order)` must not be zero.
template <class Bits>
[[nodiscard]] constexpr unsigned tightest_block(Bits row, unsigned order) noexcept {
    if (row == static_cast<Bits>(~Bits{0})) return 0;
    Bits blocks = free_blocks(row, order);
    while ((2u << order) <= width<Bits>) {
        const Bits larger = static_cast<Bits>(blocks & (blocks >> (1u << order)) & starts<Bits>(order + 1));
        const Bits covered = static_cast<Bits>(larger | (larger << (1u << order)));
        const Bits alone = static_cast<Bits>(blocks & ~covered);
        if (alone != 0) return static_cast<unsigned>(std::countr_zero(alone));
        blocks = larger;
        ++order;
    }
    return static_cast<unsigned>(std::countr_zero(blocks));
}

}  // namespace ashlar::detail
