// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lab/matrix/heat_cells.hpp"
#include "lab/matrix/moments.hpp"
#include "lab/matrix/samples.hpp"
#include "lab/replay/judge.hpp"

namespace lab {

/// Watches a replay and samples the state of memory at moments of the trace. All references have to outlive
/// it.
class recorder final : public judge {
 public:
    recorder(const std::string& name, const replay_input& input, const std::vector<moment>& moments);

    void allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror) override;
    void freed(const operation& step, ashlar::range<> frames) override;
    void stepped() override;

    [[nodiscard]] const samples& over_time() const { return taken_; }

 private:
    struct owner {
        ashlar::node_id node = 0;
        bool kernel = false;
    };
    struct counts {
        std::uint64_t all = 0;
        std::uint64_t local = 0;
        std::uint64_t kernel = 0;
        std::uint64_t kernel_mirrored = 0;
    };

    /// What the frames add to the counts.
    [[nodiscard]] counts counts_of(const owner& who, ashlar::range<> frames) const;
    void sample();

    const replay_input& input_;
    const std::vector<moment>& moments_;
    heat_layout layout_;
    std::vector<owner> owners_;  ///< of the blocks, by slot
    counts live_;
    std::size_t steps_ = 0;
    samples taken_;
};

}  // namespace lab
