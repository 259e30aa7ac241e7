// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/dice.hpp"
#include "bench/remap/structures.hpp"

namespace bench {

/// Which frames are accessed.
enum class locality {
    not_remapped,  ///< anywhere; one of a hundred is remapped
    hit,           ///< remapped, each
    local,         ///< 64 in a row in a pageblock that has a remapped frame, then in another one
};

/// Remapped frames of a TiB, anywhere, and accesses to it. The same in each run.
class remapped_memory {
 public:
    explicit remapped_memory(std::size_t entries) {
        dice roll(entries);
        std::vector<std::uint64_t> origins;
        while (origins.size() < entries) {
            while (origins.size() < entries) origins.push_back(roll.below(remap_frames));
            std::sort(origins.begin(), origins.end());
            origins.erase(std::unique(origins.begin(), origins.end()), origins.end());
        }
        for (const std::uint64_t each : origins) all_.push_back({each, remap_frames + all_.size()});
        // Spares are not handed out in the order of origins.
        for (std::size_t i = all_.size(); i > 1; --i)
            std::swap(all_[i - 1].target, all_[roll.below(i)].target);
    }
    [[nodiscard]] const std::vector<mapping>& all() const { return all_; }

    [[nodiscard]] std::vector<std::uint64_t> accesses(locality how) const {
        constexpr std::uint64_t pageblock = 512;
        dice roll(all_.size() + 1);
        std::vector<std::uint64_t> frames(count);
        std::uint64_t base = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t some = all_[roll.below(all_.size())].origin;
            if (i % 64 == 0) base = some / pageblock * pageblock;
            const bool anywhere = how == locality::not_remapped && roll.below(100) != 0;
            frames[i] = how == locality::local ? base + roll.below(pageblock)
                        : anywhere             ? roll.below(remap_frames)
                                               : some;
        }
        return frames;
    }
    /// The truth, slowly.
    [[nodiscard]] std::uint64_t translate(std::uint64_t frame) const {
        const auto found =
            std::lower_bound(all_.begin(), all_.end(), frame,
                             [](const mapping& each, std::uint64_t of) { return each.origin < of; });
        return found != all_.end() && found->origin == frame ? found->target : frame;
    }

    static constexpr std::size_t count = std::size_t{1} << 17;

 private:
    std::vector<mapping> all_;
};

}  // namespace bench
