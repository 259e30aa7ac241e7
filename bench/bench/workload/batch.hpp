// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/workload/part.hpp"

namespace bench {

/// So many blocks at a time.
inline constexpr std::size_t batch_blocks = 64;

/// A batch of blocks is allocated and freed again and again, by the verbs for many of them.
template <class Subject>
void batch(benchmark::State& state, part<Subject>& mine, unsigned order) {
    std::uint64_t blocks[batch_blocks];
    mine.begins();
    while (state.KeepRunningBatch(batch_blocks)) {
        mine.allocate_bulk(blocks, order);
        mine.free_bulk(blocks, order);
    }
}

/// The same, block by block.
template <class Subject>
void batch_one_by_one(benchmark::State& state, part<Subject>& mine, unsigned order) {
    std::uint64_t blocks[batch_blocks];
    mine.begins();
    while (state.KeepRunningBatch(batch_blocks)) {
        for (std::uint64_t& block : blocks) block = mine.allocate(order);
        for (const std::uint64_t block : blocks) mine.free(block, order);
    }
}

}  // namespace bench
