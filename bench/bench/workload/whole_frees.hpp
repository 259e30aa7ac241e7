// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lab/trace/operation.hpp"

namespace bench {

/// The same for allocators that take blocks back whole: a block that was freed in parts is freed when the
/// last part is.
[[nodiscard]] inline lab::operation_list with_whole_frees(lab::operation_list events) {
    struct block {
        std::uint64_t left = 0;
        std::uint8_t order = 0;
    };
    std::vector<block> blocks(events.slots);
    for (std::vector<lab::operation>* steps : {&events.steps, &events.clean_up}) {
        std::vector<lab::operation> kept;
        kept.reserve(steps->size());
        for (lab::operation step : *steps) {
            block& of = blocks[step.slot];
            const std::uint64_t frames = std::uint64_t{1} << step.order;
            if (step.what == lab::trace_event::action::allocate) {
                of = {frames, step.order};
            } else {
                of.left -= frames;
                if (of.left != 0) continue;
                step.offset = 0;
                step.order = of.order;
            }
            kept.push_back(step);
        }
        *steps = std::move(kept);
    }
    events.times_us.clear();  // they were those of all steps
    return events;
}

}  // namespace bench
