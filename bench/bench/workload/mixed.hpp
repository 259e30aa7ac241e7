// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/dice.hpp"
#include "bench/workload/part.hpp"

namespace bench {

/// Small blocks more often than large ones: 70 % single frames, 3 % of 512, the rest between.
[[nodiscard]] inline std::uint8_t mixed_order(dice& roll) {
    const std::size_t point = roll.below(100);
    if (point < 70) return 0;
    if (point < 80) return 1;
    if (point < 92) return point < 86 ? 2 : 3;
    return point < 97 ? static_cast<std::uint8_t>(point - 92 + 4) : 9;
}
/// Frames of a block, on average: 70 + 20 + 24 + 48 + (16 + 32 + 64 + 128 + 256) + 3 x 512 of 100.
constexpr std::uint64_t mixed_frames = 22;

/// About half of the memory is allocated in blocks of all orders, never more than five eighths; then one goes
/// and one of another order comes.
template <class Subject>
void mixed(benchmark::State& state, part<Subject>& mine, std::uint64_t frames) {
    mine.share(static_cast<std::size_t>(frames / 2 / mixed_frames));
    if (mine.cpu() == 0) mine.orders().assign(mine.blocks().size(), 0);
    mine.wait();
    dice roll(mine.cpu() + 3);
    std::uint64_t left = frames * 5 / 8 / mine.threads();
    const auto take = [&](std::size_t at) {
        std::uint8_t& order = mine.orders()[at];
        order = mixed_order(roll);
        if (std::uint64_t{1} << order > left) order = 0;
        left -= std::uint64_t{1} << order;
        mine.blocks()[at] = mine.allocate(order);
    };
    for (std::size_t i = mine.first; i < mine.last; ++i) take(i);
    mine.begins();
    for ([[maybe_unused]] auto _ : state) {
        const std::size_t at = mine.first + roll.below(mine.last - mine.first);
        left += std::uint64_t{1} << mine.orders()[at];
        mine.free(mine.blocks()[at], mine.orders()[at]);
        take(at);
    }
    mine.ends();
    mine.count_whole_blocks(frames, [&](auto out) {
        for (std::size_t i = 0; i < mine.blocks().size(); ++i) out(mine.blocks()[i], mine.orders()[i]);
    });
    for (std::size_t i = mine.first; i < mine.last; ++i) mine.free(mine.blocks()[i], mine.orders()[i]);
}

}  // namespace bench
