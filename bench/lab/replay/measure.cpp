// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/measure.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "lab/replay/player.hpp"
#include "lab/text/progress.hpp"

namespace lab {
namespace {

/// Of at least one value.
double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

std::vector<figures> measure(const std::vector<composition>& compositions, const replay_input& input) {
    constexpr std::size_t least_rounds = 5;
    constexpr std::size_t most_rounds = 25;
    constexpr double enough = 3e8;  // nanoseconds a composition

    std::vector<figures> all;
    std::vector<std::unique_ptr<player>> players;
    progress shown("replaying");
    for (const composition& each : compositions) {
        shown.at(each.name);
        players.push_back(each.make(each.name, input));
        all.push_back(players.back()->judge());
    }

    std::vector<std::vector<double>> times(players.size());
    double total = 0;
    for (std::size_t round = 0; round < least_rounds ||
                                (total < enough * static_cast<double>(players.size()) && round < most_rounds);
         ++round) {
        for (std::size_t i = 0; i < players.size(); ++i) {
            shown.at("taking times, round " + std::to_string(round + 1));
            times[i].push_back(players[i]->time());
            total += times[i].back();
        }
    }
    for (std::size_t i = 0; i < players.size(); ++i) {
        all[i].ns_per_event = median(times[i]) / static_cast<double>(input.trace.steps.size());
    }
    return all;
}

}  // namespace lab
