// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/memory_map.hpp>
#include <cstdint>
#include <vector>

#include "lab/replay/figures.hpp"
#include "lab/replay/replay_input.hpp"

namespace lab {

/// Judges where the frames of a replay lie, by what the tables say. Not while the time is taken.
class placement {
 public:
    explicit placement(const replay_input& input);

    /// `prefers_mirror`: the request did.
    void allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror);
    void failed() { ++failures_; }

    /// Fills in all but the time and the blocks.
    void tell(figures& into) const;

 private:
    struct count {
        std::uint64_t frames = 0;
        std::uint64_t mirrored = 0;
    };

    const replay_input& input_;
    std::vector<ashlar::usable_run> runs_;
    count kernel_;
    count user_;
    std::uint64_t local_ = 0;
    std::uint64_t fallbacks_ = 0;
    std::uint64_t failures_ = 0;
};

}  // namespace lab
