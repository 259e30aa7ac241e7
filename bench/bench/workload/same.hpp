// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/workload/blocks.hpp"

namespace bench {

/// One block is allocated and freed again and again, in memory that is free otherwise.
template <class Subject>
void same(benchmark::State& state, stage<Subject>& on, unsigned order) {
    part<Subject> mine(state, on);
    for ([[maybe_unused]] auto _ : state) mine.free(mine.allocate(order), order);
    mine.finish();
}

}  // namespace bench
