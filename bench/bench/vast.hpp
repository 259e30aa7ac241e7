// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/dice.hpp"
#include "bench/whole_blocks.hpp"
#include "peer/peer_subject.hpp"

namespace bench {

/// Pageblocks that are free in memory of any size: so many, that the work is the same in each.
[[nodiscard]] constexpr std::uint64_t spread_blocks(std::uint64_t frames) {
    return std::min<std::uint64_t>(256, frames >> whole_blocks::block_order >> 1);
}
[[nodiscard]] constexpr std::uint64_t spread_frames(std::uint64_t frames) {
    return spread_blocks(frames) << whole_blocks::block_order;
}

/// Takes all memory in whole pageblocks and gives some back, as far from one another as they can be, each at
/// any place of its stretch (else their metadata would meet in the same sets of the caches).
template <class Subject>
void take_all_but_spread(Subject& subject, std::uint64_t frames) {
    std::vector<std::uint64_t> blocks;
    for (;;) {
        const std::uint64_t block = subject.allocate(0, whole_blocks::block_order);
        if (block == no_block) break;
        blocks.push_back(block);
        if (blocks.size() > frames >> whole_blocks::block_order)
            throw std::runtime_error("hands out more memory than it was given");
    }
    // By rank, not by number: which numbers its frames have is the allocator's affair.
    std::sort(blocks.begin(), blocks.end());
    const std::uint64_t stretch = blocks.size() / spread_blocks(frames);
    if (stretch == 0) throw std::runtime_error("hands out too few pageblocks");
    dice roll(5);
    for (std::uint64_t i = 0; i < spread_blocks(frames); ++i) {
        if (!subject.free(0, blocks[i * stretch + roll.below(stretch)], whole_blocks::block_order))
            throw std::runtime_error("refuses the free of a block that it gave");
    }
}

/// The subject that was made last, with its memory taken that way: a large one takes seconds to prepare, and
/// each workload leaves it as it was.
class vast_memory {
 public:
    template <class Subject, class Make>
    [[nodiscard]] static std::shared_ptr<Subject> get(const std::string& name, Make make,
                                                      std::uint64_t frames) {
        if (name != name_) {
            drop();
            const std::shared_ptr<Subject> made = make();
            take_all_but_spread(*made, frames);
            free_frames_ = made->free_frames();
            kept_ = made;
            name_ = name;
        }
        return std::static_pointer_cast<Subject>(kept_);
    }
    /// Whether as much is free as at first.
    template <class Subject>
    [[nodiscard]] static bool is_as_it_was(const Subject& subject) {
        return subject.free_frames() == free_frames_;
    }

 private:
    static void drop() {
        kept_.reset();
        name_.clear();
    }

    static inline std::string name_;
    static inline std::uint64_t free_frames_ = 0;
    static inline std::shared_ptr<void> kept_;
};

}  // namespace bench
