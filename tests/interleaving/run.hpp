// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/testing/explorer.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

// How far the explorations here go, and what they print.
namespace ashlar::testing {

using judgement_of_results = std::function<std::string(const std::vector<outcome>&)>;

[[nodiscard]] inline bool is_long_run() {
    return std::getenv("ASHLAR_LONG") != nullptr;
}

/// Schedules with sequentially consistent memory are left out: who weakens memory orders learns nothing by
/// them.
[[nodiscard]] inline bool weak_memory_alone() {
    return std::getenv("ASHLAR_WEAK_ALONE") != nullptr;
}

/// Explores, prints what was seen, and fails if that was not all, or not right.
inline exploration explore_and_tell(const char* name, view<std::byte> shared,
                                    const std::vector<explorer::program>& programs,
                                    const judgement_of_results& judge, exploration_options options) {
    if (options.memory == memory_model::sequential && weak_memory_alone()) return {};
    // What is wrong is told once, and soon.
    options.stop_at_first = true;
    options.states = 200'000'000;
    const bool bounded = options.deviations != no_bound;
    const std::string bound = bounded ? ", " + std::to_string(options.deviations) + " deviations" : "";
    const char* const memory = options.memory == memory_model::weak ? "weak" : "sequential";
    const exploration seen = explore(shared, programs, judge, std::move(options));
    std::printf("%-64s %9zu states %7zu end states  %s%s%s\n", name, seen.states, seen.end_states, memory,
                bound.c_str(), seen.complete ? "" : "  (cut off)");
    for (const finding& each : seen.findings) {
        std::printf("  %s, for example\n%s", each.what.c_str(), each.schedule.c_str());
        if (each.seed != 0) std::printf("  of seed %llu\n", static_cast<unsigned long long>(each.seed));
    }
    std::fflush(stdout);
    CHECK(seen.complete);
    CHECK(seen.findings.empty());
    CHECK(seen.end_states > 0);
    return seen;
}

/// Every schedule with weak memory. Where that takes too long for every day, `deviations` bounds it, and
/// every sequentially consistent one is seen; all of it in a long run.
inline void explore_weak(const char* name, view<std::byte> shared,
                         const std::vector<explorer::program>& programs, const judgement_of_results& judge,
                         exploration_options options, std::uint32_t deviations = no_bound) {
    if (deviations != no_bound && !is_long_run()) {
        explore_and_tell(name, shared, programs, judge, options);
        options.deviations = deviations;
    }
    options.memory = memory_model::weak;
    explore_and_tell(name, shared, programs, judge, options);
}

}  // namespace ashlar::testing
