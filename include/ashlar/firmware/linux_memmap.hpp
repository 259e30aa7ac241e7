// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/linux_e820_line.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace detail {

/// One entry of a listing of /sys/firmware/memmap.
struct memmap_line {
    extent bytes{};
    e820_name type{"", memory_kind::none, 0};
    bool complete = false;
    bool blank = false;

    /// Reads "12 0x7fedc000 0x7ff5ffff Reserved": number, first and last byte, type.
    [[nodiscard]] static constexpr memmap_line read(characters content) noexcept {
        memmap_line line;
        text_cursor cursor(content);
        cursor.skip_spaces();
        line.blank = cursor.rest().empty();
        const number index = cursor.decimal();
        const number first = address(cursor);
        const number last = address(cursor);
        cursor.skip_spaces();
        if (!index || !first || !last || cursor.peek() == '\0') return line;
        line.complete = true;
        line.bytes = extent::between(first.value, last.value);
        const e820_name type = read_e820_name(cursor);
        cursor.skip_spaces();
        // More words make another type of it, of which nothing is known.
        if (cursor.rest().empty()) line.type = type;
        return line;
    }

 private:
    /// With 0x, and a space before it: anything else is another kind of text.
    [[nodiscard]] static constexpr number address(text_cursor& cursor) noexcept {
        if (cursor.peek() != ' ' && cursor.peek() != '\t') return {};
        cursor.skip_spaces();
        return text_cursor(cursor).accept("0x") ? cursor.hexadecimal_number() : number{};
    }
};

}  // namespace detail

/// True if the first line that is not blank is an entry of a listing that `read_linux_memmap` reads. Any
/// context.
[[nodiscard]] constexpr bool is_linux_memmap(view<const char> text) noexcept {
    bool is_entry = false;
    detail::for_each_line(text, [&is_entry](std::size_t, detail::characters content) noexcept {
        const detail::memmap_line line = detail::memmap_line::read(content);
        is_entry = line.complete;
        return line.blank;
    });
    return is_entry;
}

/// Reads /sys/firmware/memmap, where Linux shows the firmware's E820 table as it was, written as a line for
/// each entry: the number of its folder, then the contents of the files `start`, `end` and `type`:
///
///     0 0x0 0x9fbff System RAM                  (the last byte is inclusive)
///     1 0x9fc00 0x9ffff Reserved
///
///     cd /sys/firmware/memmap && for n in *; do echo $n $(cat $n/start $n/end $n/type); done
///
/// Lines may come in any order: folders are listed 0, 1, 10, 11, 2. Entries are believed as `read_e820` says
/// (small holes are not looked for); a type that is not known is reserved. A line that is no entry is
/// reported as `malformed` and skipped. The offset of a defect is that of its line. Time is linear in the
/// length of the text.
///
/// `invalid` if no line is an entry, `limit` if the map is full. Any context. Source: Linux
/// Documentation/ABI/testing/sysfs-firmware-memmap, e820_type_to_string.
constexpr errc read_linux_memmap(view<const char> listing, memory_map& map, defects& found) noexcept {
    detail::table_reader reader(table::e820, detail::table_reader::order::any, map, found);
    bool recognised = false;
    detail::for_each_line(listing, [&](std::size_t offset, detail::characters content) noexcept {
        const detail::memmap_line line = detail::memmap_line::read(content);
        if (line.complete) {
            reader.add(offset, line.bytes, line.type.kind, line.type.attributes);
            recognised = true;
        } else if (!line.blank) {
            reader.report(offset, defect_kind::malformed, "a line that is no entry of a memory map");
        }
        return true;
    });
    const errc answer = reader.finish();
    if (recognised) return answer;
    found.report({table::e820, 0, defect_kind::malformed, "no entry of a memory map in this text"});
    return errc::invalid;
}

}  // namespace ashlar
