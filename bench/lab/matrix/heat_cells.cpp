// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/heat_cells.hpp"

#include <algorithm>

namespace lab {
namespace {

/// Beyond it nobody can tell cells apart, and the page would grow.
constexpr std::size_t most_cells = 2048;

std::size_t cells_for(std::size_t blocks, std::size_t blocks_per_cell) {
    return (blocks + blocks_per_cell - 1) / blocks_per_cell;
}

char state_of(std::uint64_t present, std::uint64_t free) {
    if (present == 0) return cell::absent;
    if (free == present) return cell::free;
    if (free == 0) return cell::full;
    return cell::partial[(present - free) * cell::partial.size() / present];
}

}  // namespace

heat_layout heat_layout_of(const block_usage& usage) {
    heat_layout layout;
    std::size_t blocks = 0;
    for (const block_usage::zone& zone : usage.zones()) blocks += zone.blocks.size();
    layout.blocks_per_cell = std::max<std::size_t>(1, cells_for(blocks, most_cells));
    for (const block_usage::zone& zone : usage.zones()) {
        layout.cells.push_back(cells_for(zone.blocks.size(), layout.blocks_per_cell));
    }
    return layout;
}

std::string heat_cells(const block_usage& usage, const heat_layout& layout) {
    std::string cells;
    for (const block_usage::zone& zone : usage.zones()) {
        for (std::size_t block = 0; block < zone.blocks.size();) {
            const std::size_t end = std::min(block + layout.blocks_per_cell, zone.blocks.size());
            std::uint64_t present = 0;
            std::uint64_t free = 0;
            for (; block < end; ++block) {
                present += zone.blocks[block].present;
                free += zone.blocks[block].free;
            }
            cells += state_of(present, free);
        }
    }
    return cells;
}

std::string encode_cells(std::string_view before, std::string_view now) {
    std::string text;
    for (std::size_t at = 0; at < now.size();) {
        const auto symbol = [&](std::size_t i) {
            return i < before.size() && before[i] == now[i] ? cell::unchanged : now[i];
        };
        std::size_t end = at + 1;
        while (end < now.size() && symbol(end) == symbol(at)) ++end;
        if (end - at > 1) text += std::to_string(end - at);
        text += symbol(at);
        at = end;
    }
    return text;
}

}  // namespace lab
