// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench {

/// The same numbers in every run.
class dice {
 public:
    explicit dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
    /// Below `end`.
    [[nodiscard]] std::size_t below(std::size_t end) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>(state_ % end);
    }

 private:
    std::uint64_t state_;
};

inline void shuffle_blocks(std::vector<std::uint64_t>& blocks, std::uint64_t seed) {
    dice roll(seed);
    for (std::size_t left = blocks.size(); left > 1; --left)
        std::swap(blocks[left - 1], blocks[roll.below(left)]);
}

}  // namespace bench
