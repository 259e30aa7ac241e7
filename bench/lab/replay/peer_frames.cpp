// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/peer_frames.hpp"

#include <algorithm>

#include "lab/failure.hpp"
#include "lab/replay/whole_pageblocks.hpp"

namespace lab {
namespace {

constexpr unsigned block_order = block_usage::block_order;

/// All pageblocks in which the peer has some of its frames: whole ones first, then what is left frame by
/// frame.
std::vector<std::uint64_t> blocks_of(bench::peer_subject& peer, std::uint64_t frames) {
    std::vector<std::uint64_t> blocks;
    std::uint64_t taken = 0;
    for (const unsigned order : {block_order, 0u}) {
        // One that hands out more than it has is caught later: this only has to end.
        while (taken < frames) {
            const std::uint64_t first = peer.allocate(0, order);
            if (first == bench::no_block) break;
            taken += std::uint64_t{1} << order;
            if (blocks.empty() || blocks.back() != first >> block_order)
                blocks.push_back(first >> block_order);
        }
    }
    std::sort(blocks.begin(), blocks.end());
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    return blocks;
}

}  // namespace

peer_frames::peer_frames(const bench::peer_library& library, const machine& on, unsigned cpus)
    : name_(library.name), firsts_(whole_pageblocks_of(on)) {
    if (firsts_.empty()) throw failure("peer " + name_ + ": the machine has no whole pageblock for it");
    bench::peer_subject probed(library, count(), cpus);
    blocks_ = blocks_of(probed, count());
    if (blocks_.size() > firsts_.size()) {
        throw failure("peer " + name_ + " was given " + std::to_string(firsts_.size()) +
                      " pageblocks and hands out frames of " + std::to_string(blocks_.size()));
    }
}

std::uint64_t peer_frames::first_of(std::uint64_t block) const {
    const auto at = std::lower_bound(blocks_.begin(), blocks_.end(), block);
    if (at == blocks_.end() || *at != block) {
        throw failure("peer " + name_ + " hands out a frame that it did not have");
    }
    return firsts_[static_cast<std::size_t>(at - blocks_.begin())];
}

}  // namespace lab
