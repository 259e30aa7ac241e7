// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/linux_range.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstdint>

namespace ashlar::detail {

/// Consumes a line up to the range, if it is one of those that follow "Early memory node ranges":
///
///     [    0.000000]   node   0: [mem 0x0000000080000000-0x00000000ffffffff]
[[nodiscard]] constexpr bool accept_node(text_cursor& cursor, number& node) noexcept {
    text_cursor ahead = cursor;
    while (ahead.skip_past("node ")) {
        text_cursor here = ahead;
        here.skip_spaces();
        node = here.decimal();
        if (!node || node.value > 0xffffffff || !here.accept(":")) continue;
        here.skip_spaces();
        if (!text_cursor(here).accept("[mem")) continue;
        cursor = here;
        return true;
    }
    return false;
}

/// Reads a node's range of memory: as `kind`, or only as a claim if that is `none`; without nodes if `nodes`
/// is none. Linux's number of the node is taken as its domain. False if there is no room for another node.
[[nodiscard]] constexpr bool read_node_line(table_reader& reader, topology* nodes, std::uint64_t offset,
                                            number linux_node, text_cursor cursor,
                                            memory_kind kind) noexcept {
    written_range range;
    if (!read_any_range(cursor, range)) {
        reader.report(offset, defect_kind::malformed, "a node's range that cannot be read");
        return true;
    }
    node_id id = any_node;
    if (nodes != nullptr) {
        const result<node_id> node = nodes->add(static_cast<proximity_domain>(linux_node.value));
        if (!node) {
            reader.report(offset, defect_kind::full, "more nodes than there can be", range.bytes());
            return false;
        }
        id = *node;
    }
    if (kind != memory_kind::none || id != any_node) reader.add(offset, range.bytes(), kind, 0, id);
    return true;
}

/// Reads what follows "OF: reserved mem:" in a line. Memory that the kernel may lend out is not reserved.
/// False if the map is full.
///
///     0x0000000080000000..0x000000008003ffff (256 KiB) nomap non-reusable mmode_resv1@80000000
[[nodiscard]] constexpr bool read_reserved_line(memory_map& map, text_cursor cursor) noexcept {
    written_range range;
    cursor.skip_spaces();
    if (!text_cursor(cursor).accept("0x") || !read_pair(cursor, "..", range)) return true;
    const extent bytes = range.inclusive();
    if (bytes.form != extent::shape::plain || !cursor.contains("non-reusable")) return true;
    constexpr std::uint64_t top = ~std::uint64_t{0};
    const std::uint64_t end = bytes.last == top ? top : bytes.last + 1;
    return map.add(bytes.first, end, memory_kind::reserved) != errc::limit;
}

}  // namespace ashlar::detail
