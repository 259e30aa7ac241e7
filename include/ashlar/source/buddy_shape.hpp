// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ashlar {

/// Which of the lines in use in part (pageblocks, where a line is one) a search takes from.
enum class placement : std::uint8_t {
    lowest,   ///< the lowest address: what is free gathers at the other end
    nearest,  ///< from the line of the caller's last row on, then around; without one (no CPU slot): lowest
    fullest,  ///< of the first 16 that suit, the one with the fewest free frames
};

/// The widest atomic word that the target does inline: 64 bits where pointers have them.
inline constexpr unsigned native_word_bits = sizeof(void*) >= 8 ? 64 : 32;

/// Constants of a buddy. Orders are powers of two of frames.
struct buddy_shape {
    unsigned top_order = 18;                         ///< the largest block, inclusive (1 GiB of 4 KiB frames)
    unsigned word_bits = native_word_bits;           ///< 32 or 64
    unsigned row_order = word_bits == 64 ? 6u : 5u;  ///< a row is one word: a bit a frame
    unsigned line_order = 9;                         ///< the rows of one cache line
    unsigned pageblock_order = 9;                    ///< what policies and figures call a whole block
    ashlar::placement placement = placement::lowest;
    bool mobility_classes = false;  ///< lines are kept apart by mobility, for two more bits a line
    unsigned hole_entries = 64;     ///< capacity of the hole table, beside one per 256 lines
    unsigned rescans = 8;  ///< searches in vain while memory is in motion, before a request is told busy

    [[nodiscard]] constexpr bool is_valid() const noexcept {
        return (word_bits == 32 || word_bits == 64) && row_order >= 1 && row_order <= 6 &&
               (1u << row_order) <= word_bits && line_order > row_order && line_order <= 14 &&
               top_order >= row_order && top_order < 40 && pageblock_order <= top_order &&
               hole_entries >= 1 && rescans >= 1;
    }
    [[nodiscard]] friend constexpr bool operator==(buddy_shape, buddy_shape) noexcept = default;
};

}  // namespace ashlar
