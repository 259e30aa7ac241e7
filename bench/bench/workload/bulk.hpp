// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/workload/blocks.hpp"

namespace bench {

/// Half of the memory is allocated block by block, then freed: in the same order (bulk), or in any order by
/// any thread (random).
template <class Subject>
void bulk(benchmark::State& state, stage<Subject>& on, std::uint64_t frames, unsigned order, bool any_order) {
    part<Subject> mine(state, on);
    mine.share(static_cast<std::size_t>((frames >> order) / 2));
    double allocating = 0;
    double freeing = 0;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(mine.last - mine.first))) {
        const double start = thread_nanoseconds();
        for (std::size_t i = mine.first; i < mine.last; ++i) mine.blocks()[i] = mine.allocate(order);
        allocating += thread_nanoseconds() - start;
        if (any_order) {
            state.PauseTiming();
            mine.wait();
            if (mine.cpu() == 0) shuffle_blocks(mine.blocks(), 1);
            mine.wait();
            state.ResumeTiming();
        }
        const double middle = thread_nanoseconds();
        for (std::size_t i = mine.first; i < mine.last; ++i) mine.free(mine.blocks()[i], order);
        freeing += thread_nanoseconds() - middle;
    }
    tell_apart(state, allocating, freeing);
    mine.finish();
}

}  // namespace bench
