// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/workload/blocks.hpp"

namespace bench {

/// Small blocks more often than large ones: 70 % single frames, 3 % of 512, the rest between.
[[nodiscard]] inline unsigned mixed_order(dice& roll) {
    const std::size_t point = roll.below(100);
    if (point < 70) return 0;
    if (point < 80) return 1;
    if (point < 92) return point < 86 ? 2 : 3;
    return point < 97 ? static_cast<unsigned>(point - 92) + 4 : 9;
}
/// Frames of a block, on average: 70 + 20 + 24 + 48 + (16 + 32 + 64 + 128 + 256) + 3 x 512 of 100.
constexpr std::uint64_t mixed_frames = 22;

/// About half of the memory is allocated in blocks of all orders; then one goes and one of another order
/// comes.
template <class Subject>
void mixed(benchmark::State& state, stage<Subject>& on, std::uint64_t frames) {
    part<Subject> mine(state, on);
    mine.share(static_cast<std::size_t>(frames / 2 / mixed_frames));
    dice roll(mine.cpu() + 3);
    std::vector<unsigned> orders(mine.last - mine.first);
    for (std::size_t i = mine.first; i < mine.last; ++i) {
        unsigned& order = orders[i - mine.first] = mixed_order(roll);
        mine.blocks()[i] = mine.allocate(order);
    }
    for ([[maybe_unused]] auto _ : state) {
        const std::size_t at = roll.below(orders.size());
        unsigned& order = orders[at];
        std::uint64_t& block = mine.blocks()[mine.first + at];
        mine.free(block, order);
        order = mixed_order(roll);
        block = mine.allocate(order);
    }
    for (std::size_t i = mine.first; i < mine.last; ++i) mine.free(mine.blocks()[i], orders[i - mine.first]);
    mine.finish();
}

}  // namespace bench
