// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/workload/part.hpp"
#include "lab/trace/operation.hpp"

namespace bench {

/// Replays what a kernel allocated and freed, on one thread. An iteration is an event.
template <class Subject>
void trace(benchmark::State& state, part<Subject>& mine, std::uint64_t frames,
           const lab::operation_list& events) {
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
        mine.begins();
        play(events.steps);
        state.PauseTiming();
        mine.ends();
        mine.count_whole_blocks(frames, [&](auto take) {
            for (const lab::operation& left : events.clean_up)
                take(slots[left.slot] + left.offset, left.order);
        });
        play(events.clean_up);
        state.ResumeTiming();
    }
}

}  // namespace bench
