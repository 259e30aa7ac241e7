// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bench {

/// How much of the free memory is in whole pageblocks (2^9 frames, naturally aligned), told from the blocks
/// that are out: so every allocator is measured alike, and what CPUs keep for themselves is free. The frames
/// begin and end with a pageblock.
class whole_blocks {
 public:
    static constexpr unsigned block_order = 9;

    explicit whole_blocks(std::uint64_t frames) : frames_(frames) {}

    /// A block that is out.
    void take(std::uint64_t first, unsigned order) {
        out_ += std::uint64_t{1} << order;
        const std::uint64_t last = first + (std::uint64_t{1} << order) - 1;
        for (std::uint64_t block = first >> block_order; block <= last >> block_order; ++block)
            broken_.push_back(block);
    }

    /// Of the free frames; none if nothing is free, or if more pageblocks are broken than the frames have
    /// (an allocator of virtual memory spreads over more).
    [[nodiscard]] std::optional<double> share() {
        std::sort(broken_.begin(), broken_.end());
        broken_.erase(std::unique(broken_.begin(), broken_.end()), broken_.end());
        const std::uint64_t blocks = frames_ >> block_order;
        if (out_ >= frames_ || broken_.size() > blocks) return std::nullopt;
        return static_cast<double>((blocks - broken_.size()) << block_order) /
               static_cast<double>(frames_ - out_);
    }

 private:
    std::uint64_t frames_;
    std::uint64_t out_ = 0;
    std::vector<std::uint64_t> broken_;  ///< numbers of pageblocks that are not all free
};

}  // namespace bench
