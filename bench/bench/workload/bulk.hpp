// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ctime>

#include "bench/dice.hpp"
#include "bench/workload/part.hpp"

namespace bench {

/// Processor time of the calling thread: other programs on the machine do not count.
[[nodiscard]] inline double thread_nanoseconds() {
    std::timespec now{};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

/// Half of the memory is allocated block by block, then freed: in the same order (bulk), or in any order by
/// any thread (random). Counters tell the two apart, by pair.
template <class Subject>
void bulk(benchmark::State& state, part<Subject>& mine, std::uint64_t frames, unsigned order,
          bool any_order) {
    mine.share(static_cast<std::size_t>((frames >> order) / 2));
    double allocating = 0;
    double freeing = 0;
    mine.begins();
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
    const auto pairs = static_cast<double>(state.iterations());
    state.counters["allocate_ns"] = benchmark::Counter(allocating / pairs, benchmark::Counter::kAvgThreads);
    state.counters["free_ns"] = benchmark::Counter(freeing / pairs, benchmark::Counter::kAvgThreads);
}

}  // namespace bench
