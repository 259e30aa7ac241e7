// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <ashlar/core/frame.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lab/machine/machine.hpp"

namespace lab {

/// Which frames of a machine are handed out, by zone and pageblock (2^9 frames, naturally aligned). Kept from
/// outside, from what an allocator hands out and takes back: so every allocator is measured alike, and one
/// that hands out a frame twice, or one that is not there, is caught. A pageblock does not reach across
/// zones.
class block_usage {
 public:
    static constexpr unsigned block_order = 9;
    static constexpr std::uint64_t block_frames = std::uint64_t{1} << block_order;

    struct pageblock {
        std::uint16_t present = 0;
        std::uint16_t free = 0;
        std::array<std::uint64_t, block_frames / 64> free_bits{};
        std::array<std::uint64_t, block_frames / 64> unmovable_bits{};  ///< of what is handed out
    };
    struct zone {
        ashlar::zone_description what;
        std::vector<pageblock> blocks;  ///< the first holds the first frame of the span
        std::uint64_t free_frames = 0;
        std::uint64_t whole_blocks = 0;  ///< all of whose frames are there and free
    };

    /// `allocator`: whose name a failure begins with.
    explicit block_usage(const machine& on, std::string allocator = "");

    /// Throws `failure` unless every frame is there and free. `movable`: the contents can be moved later.
    void take(ashlar::range<> frames, bool movable = true);
    /// Throws `failure` unless every frame is there and not free.
    void give(ashlar::range<> frames);

    [[nodiscard]] const std::vector<zone>& zones() const { return zones_; }
    [[nodiscard]] std::uint64_t free_frames() const { return free_; }
    /// Of the free frames, those in pageblocks that are all free.
    [[nodiscard]] double whole_share() const;
    /// Of all pageblocks, those with something handed out that cannot be moved: what compaction, or hot
    /// unplug, cannot empty.
    [[nodiscard]] double pinned_share() const;

    /// The zone that a frame lies in. Throws `failure` if there is none.
    [[nodiscard]] const zone& zone_of(std::uint64_t frame) const { return zones_[index_of(frame)]; }

 private:
    [[nodiscard]] std::size_t index_of(std::uint64_t frame) const;
    template <class Change>
    void change(ashlar::range<> frames, Change one_block);

    std::string allocator_;
    std::vector<zone> zones_;
    std::uint64_t free_ = 0;
    std::uint64_t whole_ = 0;
};

}  // namespace lab
