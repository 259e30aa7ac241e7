// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <atomic>
#include <thread>

#include "bench/workload/part.hpp"

namespace bench {

/// Thread 0 allocates, thread 1 frees what it is handed over a ring of 1024 blocks.
template <class Subject>
void handover(benchmark::State& state, part<Subject>& mine, unsigned order) {
    constexpr std::size_t ring = 1024;
    mine.share(ring);
    const auto slot = [&](std::size_t i) { return std::atomic_ref(mine.blocks()[i % ring]); };
    std::size_t at = 0;
    mine.begins();
    for ([[maybe_unused]] auto _ : state) {
        const auto here = slot(at++);
        if (mine.cpu() == 0) {
            const std::uint64_t block = mine.allocate(order);
            while (here.load(std::memory_order_acquire) != no_block) std::this_thread::yield();
            here.store(block, std::memory_order_release);
        } else {
            std::uint64_t block = no_block;
            while ((block = here.load(std::memory_order_acquire)) == no_block) std::this_thread::yield();
            here.store(no_block, std::memory_order_release);
            mine.free(block, order);
        }
    }
}

}  // namespace bench
