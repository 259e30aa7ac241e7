// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ashlar::detail {

/// The bytes that a table entry claims, before anybody believes it.
struct extent {
    enum class shape : std::uint8_t { plain, empty, inverted, wrapped };

    std::uint64_t first = 0;
    std::uint64_t last = 0;  ///< inclusive
    shape form = shape::plain;

    /// `count` units of 2^`unit_shift` bytes, `unit_shift` below 64.
    [[nodiscard]] static constexpr extent of(std::uint64_t first, std::uint64_t count,
                                             unsigned unit_shift = 0) noexcept {
        if (count == 0) return {first, first, shape::empty};
        constexpr std::uint64_t top = ~std::uint64_t{0};
        const std::uint64_t last = first + (count << unit_shift) - 1;
        if (count > top >> unit_shift || last < first) return {first, top, shape::wrapped};
        return {first, last, shape::plain};
    }

    /// From the first byte to before `end`.
    [[nodiscard]] static constexpr extent half_open(std::uint64_t first, std::uint64_t end) noexcept {
        if (end < first) return {first, end, shape::inverted};
        return of(first, end - first);
    }

    /// From the first to the last byte. No byte at all is written as `last` = `first` - 1, also across 0.
    [[nodiscard]] static constexpr extent between(std::uint64_t first, std::uint64_t last) noexcept {
        if (last + 1 == first) return {first, last, shape::empty};
        return {first, last, last < first ? shape::inverted : shape::plain};
    }
};

}  // namespace ashlar::detail
