// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "lab/replay/block_usage.hpp"
#include "lab/replay/figures.hpp"
#include "lab/replay/observer.hpp"
#include "lab/replay/placement.hpp"

namespace lab {

/// Comes to the figures of a replay by watching it.
class judge : public observer {
 public:
    explicit judge(const replay_input& input) : places_(input), blocks_(input.on) {}

    void allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror) override {
        places_.allocated(step, frames, prefers_mirror);
        blocks_.take(frames);
    }
    void freed(const operation&, ashlar::range<> frames) override { blocks_.give(frames); }
    void failed(const operation&) override { places_.failed(); }
    void stepped() override {}

    /// All but name and time.
    [[nodiscard]] figures verdict() const {
        figures told;
        places_.tell(told);
        told.whole_blocks_share = blocks_.whole_share();
        return told;
    }

    [[nodiscard]] const block_usage& blocks() const { return blocks_; }

 private:
    placement places_;
    block_usage blocks_;
};

}  // namespace lab
