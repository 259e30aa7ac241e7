// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "lab/trace/operation.hpp"

namespace lab {

/// The end of a block that the trace does not free.
inline constexpr std::size_t for_ever = std::numeric_limits<std::size_t>::max();

/// For each step that allocates: the step that frees the last of that block. 0 for the other steps.
[[nodiscard]] inline std::vector<std::size_t> ends_of_life(const operation_list& trace) {
    struct block {
        std::size_t born = 0;
        std::size_t left = 0;  ///< frames that are not freed yet
    };
    std::vector<block> blocks(trace.slots);
    std::vector<std::size_t> ends(trace.steps.size());
    for (std::size_t i = 0; i < trace.steps.size(); ++i) {
        const operation& step = trace.steps[i];
        block& of = blocks[step.slot];
        const std::size_t frames = std::size_t{1} << step.order;
        if (step.what == trace_event::action::allocate) {
            of = {i, frames};
            ends[i] = for_ever;
        } else if ((of.left -= frames) == 0) {
            ends[of.born] = i;
        }
    }
    return ends;
}

}  // namespace lab
