// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/measure.hpp"

#include <cstddef>
#include <memory>
#include <string>

#include "lab/replay/judge.hpp"
#include "lab/replay/player.hpp"
#include "lab/replay/spread.hpp"
#include "lab/replay/take_times.hpp"
#include "lab/text/progress.hpp"

namespace lab {

std::vector<figures> measure(const std::vector<composition>& compositions, const replay_input& input) {
    std::vector<figures> all;
    std::vector<std::unique_ptr<player>> players;
    progress shown("replaying");
    for (const composition& each : compositions) {
        shown.at(each.name);
        players.push_back(each.make(each.name, input));
        judge watching(each.name, input);
        players.back()->show(watching);
        all.push_back(watching.verdict());
    }
    const auto times =
        take_times(players, {.least = 5, .most = 25, .enough = 3e8}, [&](std::size_t round, std::size_t) {
            shown.at("taking times, round " + std::to_string(round + 1));
        });
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].ns_per_event = spread_of(times[i]).median / static_cast<double>(input.trace.steps.size());
    }
    return all;
}

}  // namespace lab
