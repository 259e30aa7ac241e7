// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/text.hpp>

namespace ashlar::detail {

/// Two addresses with a "-" between them, as logs print a range.
struct written_range {
    number first{};
    number second{};

    /// The second address is that of the last byte.
    [[nodiscard]] constexpr extent inclusive() const noexcept {
        return extent::between(first.value, second.value);
    }
    /// The second address is that of the byte after the last.
    [[nodiscard]] constexpr extent exclusive() const noexcept {
        return extent::half_open(first.value, second.value);
    }
};

[[nodiscard]] constexpr bool read_range(text_cursor& cursor, written_range& range) noexcept {
    cursor.skip_spaces();
    range.first = cursor.hexadecimal_number();
    cursor.skip_spaces();
    if (!range.first || !cursor.accept("-")) return false;
    cursor.skip_spaces();
    range.second = cursor.hexadecimal_number();
    return static_cast<bool>(range.second);
}

}  // namespace ashlar::detail
