// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/text.hpp>
#include <cstdint>

namespace ashlar::detail {

/// Two numbers that stand for a range, as logs print it.
struct written_range {
    enum class notation : std::uint8_t {
        inclusive,  ///< the second is the address of the last byte
        exclusive,  ///< the second is the address of the byte after the last
        sized       ///< bytes, then the address of the first
    };

    number first{};
    number second{};
    notation meaning = notation::inclusive;

    [[nodiscard]] constexpr extent inclusive() const noexcept {
        return extent::between(first.value, second.value);
    }
    [[nodiscard]] constexpr extent exclusive() const noexcept {
        return extent::half_open(first.value, second.value);
    }
    [[nodiscard]] constexpr extent bytes() const noexcept {
        switch (meaning) {
            case notation::inclusive:
                return inclusive();
            case notation::exclusive:
                return exclusive();
            default:
                return extent::of(second.value, first.value);
        }
    }
};

/// Reads two numbers with `separator` between them; false if something else comes.
[[nodiscard]] constexpr bool read_pair(text_cursor& cursor, const char* separator,
                                       written_range& range) noexcept {
    text_cursor ahead = cursor;
    ahead.skip_spaces();
    range.first = ahead.hexadecimal_number();
    ahead.skip_spaces();
    if (!range.first || !ahead.accept(separator)) return false;
    ahead.skip_spaces();
    range.second = ahead.hexadecimal_number();
    cursor = ahead;
    return static_cast<bool>(range.second);
}

/// Reads two addresses with a "-" between them.
[[nodiscard]] constexpr bool read_range(text_cursor& cursor, written_range& range) noexcept {
    return read_pair(cursor, "-", range);
}

/// Reads one of
///
///     [mem 0x0000000000000000-0x000000000009fbff]       (Linux since 3.6)
///     [0000000000000000, 000000000009fbff]              (Xen)
///     0000000000000000 - 000000000009fc00               (both, before)
///     000000000009fc00 @ 0000000000000000               (before Linux 2.4.3)
[[nodiscard]] constexpr bool read_any_range(text_cursor& cursor, written_range& range) noexcept {
    using notation = written_range::notation;
    cursor.skip_spaces();
    range.meaning = notation::inclusive;
    if (cursor.accept("[mem")) return read_range(cursor, range) && cursor.accept("]");
    if (cursor.accept("[")) return read_pair(cursor, ",", range) && cursor.accept("]");
    range.meaning = notation::exclusive;
    if (read_range(cursor, range)) return true;
    range.meaning = notation::sized;
    return read_pair(cursor, "@", range);
}

}  // namespace ashlar::detail
