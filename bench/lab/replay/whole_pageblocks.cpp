// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/whole_pageblocks.hpp"

#include "lab/replay/block_usage.hpp"

namespace lab {

std::vector<std::uint64_t> whole_pageblocks_of(const machine& on) {
    constexpr unsigned block_order = block_usage::block_order;
    std::vector<std::uint64_t> firsts;
    const block_usage all_free(on);
    for (const block_usage::zone& zone : all_free.zones()) {
        std::uint64_t first = zone.what.span.first.number >> block_order << block_order;
        for (const block_usage::pageblock& block : zone.blocks) {
            if (block.present == block_usage::block_frames) firsts.push_back(first);
            first += block_usage::block_frames;
        }
    }
    return firsts;
}

}  // namespace lab
