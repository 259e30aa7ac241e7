// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/take_times.hpp"

namespace lab {

std::vector<std::vector<double>> take_times(
    const std::vector<std::unique_ptr<player>>& players, const rounds& wanted,
    const std::function<void(std::size_t round, std::size_t player)>& before) {
    std::vector<std::vector<double>> times(players.size());
    const double enough = wanted.enough * static_cast<double>(players.size());
    double total = 0;
    for (std::size_t round = 0; round < wanted.most && (round < wanted.least || total < enough); ++round) {
        for (std::size_t i = 0; i < players.size(); ++i) {
            before(round, i);
            times[i].push_back(players[i]->time());
            total += times[i].back();
        }
    }
    return times;
}

}  // namespace lab
