// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>

namespace ashlar {

/// The last step after all tables were read: memory that no node claims goes to node 0. Where the firmware
/// named nodes at all, each such range of usable memory is reported as `no_node`. Never fails: the number of
/// entries does not grow. Any context.
constexpr void assign_nodes(memory_map& map, const topology& nodes, defects& found) noexcept {
    for (std::size_t i = 0; i < map.entries().size();) {
        const memory_entry entry = map.entries()[i];
        const bool memory = entry.kind == memory_kind::usable || entry.kind == memory_kind::acpi_reclaim ||
                            entry.kind == memory_kind::unaccepted;
        if (!memory || entry.node != any_node) {
            ++i;
            continue;
        }
        if (nodes.has_domains() && entry.kind == memory_kind::usable) {
            found.report({table::map, 0, defect_kind::no_node, "usable memory that no node claims",
                          entry.begin, entry.end - 1});
        }
        // It may now be one with its neighbours: look again at what stands here.
        (void)map.set_node(entry.begin, entry.end, 0);
        if (i > 0) --i;
    }
}

}  // namespace ashlar
