// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ashlar {

/// Raw bytes of a firmware table or image.
using bytes = view<const std::byte>;

/// True when `count` bytes from `offset` on lie inside. Never wraps.
[[nodiscard]] constexpr bool holds(bytes input, std::size_t offset, std::size_t count) noexcept {
    return offset <= input.size() && count <= input.size() - offset;
}

/// An unsigned integer at any alignment, read byte by byte; 0 where it would read past the end. Any context.
template <class T>
requires std::is_unsigned_v<T>
[[nodiscard]] constexpr T load_little(bytes input, std::size_t offset) noexcept {
    if (!holds(input, offset, sizeof(T))) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= std::to_integer<std::uint64_t>(input[offset + i]) << (8 * i);
    }
    return static_cast<T>(value);
}

/// As `load_little`, most significant byte first (device trees).
template <class T>
requires std::is_unsigned_v<T>
[[nodiscard]] constexpr T load_big(bytes input, std::size_t offset) noexcept {
    if (!holds(input, offset, sizeof(T))) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value = (value << 8) | std::to_integer<std::uint64_t>(input[offset + i]);
    }
    return static_cast<T>(value);
}

}  // namespace ashlar
