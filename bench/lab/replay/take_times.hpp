// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "lab/replay/player.hpp"

namespace lab {

/// How often every player plays: until that took `enough` nanoseconds for each of them, within these bounds.
struct rounds {
    std::size_t least = 1;
    std::size_t most = 1;
    double enough = 0;
};

/// The times of each player. Taken in rounds, one replay of each player after the other, so that what else
/// the machine does meets all of them alike. Calls `before(round, player)` before each replay.
[[nodiscard]] std::vector<std::vector<double>> take_times(
    const std::vector<std::unique_ptr<player>>& players, const rounds& wanted,
    const std::function<void(std::size_t round, std::size_t player)>& before);

}  // namespace lab
