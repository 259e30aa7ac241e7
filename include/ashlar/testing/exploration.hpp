// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ashlar::testing {

/// What a program of an exploration returns, to be judged by.
using outcome = std::array<std::uint64_t, 4>;

/// What the words that programs share do.
enum class memory_model : std::uint8_t {
    sequential,  ///< every access at once, in one order that all see
    weak,        ///< what C++20 allows under each access's memory order; see `weak_memory`
};

/// As many as there are.
inline constexpr std::uint32_t no_bound = ~std::uint32_t{0};

/// How far an exploration goes.
struct exploration_options {
    memory_model memory = memory_model::sequential;
    /// It stops unfinished at so many states.
    std::size_t states = 30'000'000;
    /// At most so often another program goes on although the one before could, or a step finds what is not
    /// the newest store (or a store is not the newest). `no_bound`: every schedule.
    std::uint32_t deviations = no_bound;
    /// The first finding ends it.
    bool stop_at_first = false;
    /// In each state each program, alone from there on, has to end within so many steps; 0: that is not
    /// looked at. Programs that wait for one another do not. Sequential memory.
    std::uint32_t alone = 0;
    /// Sees memory in each state, and says what is wrong, empty if nothing. Sequential memory. What it
    /// changes in memory is changed back.
    std::function<std::string()> at_each_state{};
    /// What the word at an offset is called in a trace.
    std::function<std::string(std::size_t)> name_of{};

    /// Random schedules instead of all: so many, each from a seed of its own, the first of them `seed`.
    std::uint64_t random_runs = 0;
    std::uint64_t seed = 1;
};

/// What is wrong, with one schedule that leads there.
struct finding {
    std::string what;
    std::size_t end_states = 0;
    std::string schedule;
    /// The random schedule's: `{.random_runs = 1, .seed = seed}` runs it again.
    std::uint64_t seed = 0;
};

/// What an exploration saw.
struct exploration {
    std::size_t states = 0;
    std::size_t end_states = 0;
    bool complete = true;  ///< false when the limit of states was reached
    std::vector<finding> findings;
};

}  // namespace ashlar::testing
