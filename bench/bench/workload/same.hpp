// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/workload/part.hpp"

namespace bench {

/// One block is allocated and freed again and again, in memory that is free otherwise.
template <class Subject>
void same(benchmark::State& state, part<Subject>& mine, unsigned order) {
    mine.begins();
    for ([[maybe_unused]] auto _ : state) mine.free(mine.allocate(order), order);
}

}  // namespace bench
