// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <ashlar/zone/zone_slots.hpp>
#include <chrono>
#include <cstdint>

#include "bench/workload/part.hpp"

namespace bench {

/// The blocks that take all memory: half a pageblock each, so that every hint has seen something free.
constexpr unsigned small_order = whole_blocks::block_order - 1;

/// Takes all memory, block by block. A source takes each by its number: no search passes by that would
/// correct the hints, so all of them promise what is not there.
template <class Subject>
[[nodiscard]] bool take_all(Subject& subject, std::uint64_t frames) {
    constexpr std::uint64_t small = std::uint64_t{1} << small_order;
    if constexpr (requires { subject.source(); }) {
        ashlar::frame<> at = subject.managed().first;
        for (std::uint64_t left = frames; left != 0; left -= small, at = at + small) {
            if (subject.source().allocate_at({at, small}) != ashlar::errc::ok) return false;
        }
        return true;
    } else {
        std::uint64_t taken = 0;
        while (taken <= frames && subject.allocate(0, small_order) != no_block) taken += small;
        return taken == frames;
    }
}
template <class Subject>
void give_all(Subject& subject, std::uint64_t frames) {
    constexpr std::uint64_t small = std::uint64_t{1} << small_order;
    for (std::uint64_t i = 0; i < frames; i += small)
        (void)subject.source().free(subject.managed().first + i, small_order);
}

/// Requests that nothing can serve: the first one, and those after it (counter `next_ns`, on average). A
/// source also gets one in sections, as a machine that lets interrupts in meanwhile makes it: how many they
/// are (`sections`), and how long the longest takes (`section_ns`).
template <class Subject>
void fail(benchmark::State& state, part<Subject>& mine, std::uint64_t frames, unsigned order) {
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;
    constexpr int next = 1000;
    Subject& subject = mine.subject();
    if (!take_all(subject, frames)) {
        state.SkipWithError("not all memory can be taken, or more than there is");
        return;
    }
    bool served = false;
    for ([[maybe_unused]] auto _ : state) {
        const auto start = clock::now();
        served |= subject.allocate(0, order) != no_block;
        state.SetIterationTime(seconds(clock::now() - start).count());
    }
    const auto start = clock::now();
    for (int i = 0; i < next; ++i) served |= subject.allocate(0, order) != no_block;
    state.counters["next_ns"] = seconds(clock::now() - start).count() * 1e9 / next;
    if constexpr (requires { subject.source(); }) {
        give_all(subject, frames);
        if (!take_all(subject, frames)) state.SkipWithError("what was freed cannot be taken again");
        clock::duration longest{};
        std::uint64_t sections = 0;
        for (bool searching = true; searching; ++sections) {
            const auto before = clock::now();
            const auto got =
                subject.source().allocate({.order = order, .effort = ashlar::machine_shape{}.section_effort});
            longest = std::max(longest, clock::now() - before);
            searching = !got && got.error() == ashlar::errc::limit;
            served |= got.has_value();
        }
        state.counters["sections"] = static_cast<double>(sections);
        state.counters["section_ns"] = seconds(longest).count() * 1e9;
    }
    if (served) state.SkipWithError("a request was served that nothing can serve");
}

}  // namespace bench
