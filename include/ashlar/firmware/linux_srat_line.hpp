// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/linux_range.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstdint>

namespace ashlar::detail {

/// Reads a number that fits a proximity domain.
[[nodiscard]] constexpr bool read_domain(text_cursor& cursor, proximity_domain& domain) noexcept {
    const number read = cursor.decimal();
    if (!read || read.value > 0xffffffff) return false;
    domain = static_cast<proximity_domain>(read.value);
    return true;
}

/// Reads what follows "SRAT: Node 0 PXM".
[[nodiscard]] constexpr bool read_affinity(text_cursor& cursor, memory_affinity& affinity) noexcept {
    cursor.skip_spaces();
    if (!read_domain(cursor, affinity.domain)) return false;
    cursor.skip_spaces();
    written_range range;
    if (!read_any_range(cursor, range)) return false;
    affinity.bytes = range.bytes();
    for (bool more = true; more;) {
        cursor.skip_spaces();
        if (cursor.accept_word("hotplug") || cursor.accept("(hotplug)") || cursor.accept("Hot Pluggable")) {
            affinity.hot_pluggable = true;
        } else if (cursor.accept_word("non-volatile")) {
            affinity.non_volatile = true;
        } else {
            more = false;
        }
    }
    return true;
}

/// Reads what follows "SRAT:" in a line. False if it is no affinity. One of
///
///     PXM 0 -> APIC 0x00 -> Node 0                                    (MPIDR, HARTID on other machines)
///     Node 3 PXM 3 [mem 0x140000000-0x57fffffff] hotplug              (the last byte is inclusive)
///     Node 0 PXM 0 100000-40000000                                    (before Linux 3.6; the end is
///     exclusive)
///     Node 1 PXM 1 [0000000480000000, 000000087fffffff] (hotplug)     (Xen)
///
/// The node that the line names is not used: nodes are numbered by the order of the domains, as the kernel
/// did it. `full` becomes true if there is no room for another node.
constexpr bool read_srat_line(table_reader& reader, topology& nodes, std::uint64_t offset, text_cursor cursor,
                              bool& full) noexcept {
    cursor.skip_spaces();
    if (cursor.accept("PXM ")) {
        proximity_domain domain = 0;
        if (!read_domain(cursor, domain) || !cursor.accept(" -> ")) return false;
        const bool processor = !cursor.accept_word("ITS");  // an interrupt controller
        if (!processor || !cursor.contains(" -> Node ")) return false;
        if (!nodes.add_processor(domain)) {
            reader.report(offset, defect_kind::full, "more domains than nodes can be");
            full = true;
        }
        return true;
    }
    if (!cursor.accept("Node ") || !cursor.decimal() || !cursor.accept(" PXM ")) return false;
    memory_affinity affinity;
    if (!read_affinity(cursor, affinity)) {
        reader.report(offset, defect_kind::malformed, "an SRAT line that cannot be read");
    } else if (!add_affinity(reader, nodes, offset, affinity)) {
        full = true;
    }
    return true;
}

}  // namespace ashlar::detail
