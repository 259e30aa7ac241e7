// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/workload/blocks.hpp"
#include "lab/trace/operation.hpp"

namespace bench {

/// Replays what a kernel allocated and freed, on one thread. An iteration is an event.
template <class Subject>
void trace(benchmark::State& state, stage<Subject>& on, const lab::operation_list& events) {
    part<Subject> mine(state, on);
    std::vector<std::uint64_t> slots(events.slots);
    const auto play = [&](const std::vector<lab::operation>& steps) {
        for (const lab::operation& step : steps) {
            if (step.what == lab::trace_event::action::allocate) {
                slots[step.slot] = mine.allocate(step.order);
            } else {
                mine.free(slots[step.slot] + step.offset, step.order);
            }
        }
    };
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(events.steps.size()))) {
        play(events.steps);
        state.PauseTiming();
        play(events.clean_up);
        state.ResumeTiming();
    }
    mine.finish();
}

}  // namespace bench
