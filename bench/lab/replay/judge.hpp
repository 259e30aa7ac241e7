// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lab/replay/block_usage.hpp"
#include "lab/replay/figures.hpp"
#include "lab/replay/observer.hpp"
#include "lab/replay/placement.hpp"

namespace lab {

/// Comes to the figures of a replay by watching it.
class judge : public observer {
 public:
    judge(const std::string& composition, const replay_input& input)
        : composition_(composition), places_(input), blocks_(input.on, composition) {}

    void allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror) override {
        places_.allocated(step, frames, prefers_mirror);
        blocks_.take(frames, step.mobility == ashlar::mobility::movable);
    }
    void freed(const operation&, ashlar::range<> frames) override { blocks_.give(frames); }
    void failed(const operation&) override { places_.failed(); }
    void stepped() override {}
    void ended() override {
        whole_at_end_ = blocks_.whole_share();
        pinned_at_end_ = blocks_.pinned_share();
    }
    void moved(ashlar::range<> from, ashlar::range<> to, bool movable) override {
        blocks_.give(from);
        blocks_.take(to, movable);
        moves_ += from.count;
    }
    /// Moving is over, also where nothing had to move.
    void compacted() override { compacted_ = blocks_.whole_share(); }

    /// All but the time.
    [[nodiscard]] figures verdict() const {
        figures told;
        told.composition = composition_;
        places_.tell(told);
        told.whole_blocks_share = whole_at_end_.value_or(blocks_.whole_share());
        told.pinned_blocks_share = pinned_at_end_.value_or(blocks_.pinned_share());
        told.compacted_blocks_share = compacted_;
        told.compaction_moves = moves_;
        return told;
    }

    [[nodiscard]] const block_usage& blocks() const { return blocks_; }

 private:
    std::string composition_;
    placement places_;
    block_usage blocks_;
    std::optional<double> whole_at_end_{};
    std::optional<double> pinned_at_end_{};
    std::optional<double> compacted_{};
    std::uint64_t moves_ = 0;
};

}  // namespace lab
