// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/dice.hpp"
#include "bench/workload/part.hpp"

namespace bench {

/// So many percent of the memory are allocated; then one block goes and one comes, in an order that has
/// nothing to do with where they lie.
template <class Subject>
void churn(benchmark::State& state, part<Subject>& mine, std::uint64_t frames, unsigned order,
           unsigned load) {
    mine.share(static_cast<std::size_t>((frames >> order) * load / 100));
    for (std::size_t i = mine.first; i < mine.last; ++i) mine.blocks()[i] = mine.allocate(order);
    mine.wait();
    if (mine.cpu() == 0) shuffle_blocks(mine.blocks(), 2);
    mine.wait();
    std::size_t at = mine.first;
    mine.begins();
    for ([[maybe_unused]] auto _ : state) {
        std::uint64_t& block = mine.blocks()[at];
        mine.free(block, order);
        block = mine.allocate(order);
        if (++at == mine.last) at = mine.first;
    }
    mine.ends();
    mine.count_whole_blocks(frames, [&](auto take) {
        for (const std::uint64_t block : mine.blocks()) take(block, order);
    });
    for (std::size_t i = mine.first; i < mine.last; ++i) mine.free(mine.blocks()[i], order);
}

}  // namespace bench
