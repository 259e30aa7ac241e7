// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/text.hpp>
#include <cstdint>

namespace ashlar::detail {

/// A position in a label such as "(1G~3063M)": rounded, so it may be off by less than one of its units.
struct rounded_position {
    std::uint64_t count = 0;
    unsigned unit_shift = 0;

    [[nodiscard]] constexpr bool contradicts(std::uint64_t address) const noexcept {
        const std::uint64_t whole = address >> unit_shift;
        const bool exact = whole << unit_shift == address;
        // Rounded down it is `whole`, rounded up one more.
        return count != whole && (exact || count != whole + 1);
    }
};

/// A position with its unit: none, K, M, G or T.
[[nodiscard]] constexpr bool read_position(text_cursor& cursor, rounded_position& position) noexcept {
    const number read = cursor.decimal();
    if (!read) return false;
    position.count = read.value;
    if (cursor.accept("K")) {
        position.unit_shift = 10;
    } else if (cursor.accept("M")) {
        position.unit_shift = 20;
    } else if (cursor.accept("G")) {
        position.unit_shift = 30;
    } else if (cursor.accept("T")) {
        position.unit_shift = 40;
    }
    return true;
}

/// True if what follows is a label "(begin~end)" that the bytes contradict by a unit or more.
[[nodiscard]] constexpr bool label_contradicts(text_cursor cursor, const extent& bytes) noexcept {
    rounded_position begin;
    rounded_position end;
    cursor.skip_spaces();
    if (!cursor.accept("(") || !read_position(cursor, begin)) return false;
    if (!cursor.accept("~") && !cursor.accept("-")) return false;
    if (!read_position(cursor, end) || !cursor.accept(")")) return false;
    return begin.contradicts(bytes.first) || end.contradicts(bytes.last + 1);
}

}  // namespace ashlar::detail
