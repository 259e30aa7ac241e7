// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The explorer itself: it finds what is there to find, and nothing else, on programs with known answers.
#include <doctest/doctest.h>

#include <ashlar/testing/explorer.hpp>
#include <string>

namespace {

using namespace ashlar;
using namespace ashlar::testing;
using word = stepped_atomic<std::uint32_t>;

template <class State>
view<std::byte> bytes_of(State& state) {
    return {reinterpret_cast<std::byte*>(&state), sizeof state};
}

constexpr auto order = memory_order::seq_cst;

TEST_CASE("two increments by load and store lose one, by fetch_add none") {
    word counter;
    const auto judge = [&](const auto&) -> std::string {
        return counter.load(order) == 2 ? "" : "lost update";
    };
    const auto racy = [&] {
        counter.store(counter.load(order) + 1, order);
        return outcome{};
    };
    const auto atomic = [&] {
        counter.fetch_add(1, order);
        return outcome{};
    };
    const auto broken = explore(bytes_of(counter), {racy, racy}, judge);
    REQUIRE(broken.findings.size() == 1);
    CHECK(broken.findings[0].what == "lost update");
    CHECK(broken.findings[0].schedule.find("program 1  load") != std::string::npos);
    const auto sound = explore(bytes_of(counter), {atomic, atomic}, judge);
    CHECK(sound.findings.empty());
    CHECK(sound.complete);
    // Nothing, either one, both: nobody looks at the answers, so the order of the two does not tell states
    // apart.
    CHECK(sound.states == 4);
    CHECK(counter.load(order) == 0);
}

TEST_CASE("store buffering: both zero is impossible when every access is sequentially consistent") {
    word flags[2];
    const auto program = [&](int mine) {
        return [&flags, mine] {
            flags[mine].store(1, order);
            return outcome{flags[1 - mine].load(order)};
        };
    };
    const auto seen =
        explore(bytes_of(flags), {program(0), program(1)}, [](const auto& results) -> std::string {
            return results[0][0] == 0 && results[1][0] == 0 ? "both read zero" : "";
        });
    CHECK(seen.findings.empty());
    CHECK(seen.end_states >= 3);
}

TEST_CASE("a lock that tests before it sets lets two in; a test-and-set does not") {
    struct {
        word lock;
        word inside;
    } state;
    const auto enter = [&state](bool broken) {
        if (broken) {
            if (state.lock.load(order) != 0) return outcome{};
            state.lock.store(1, order);
        } else if (state.lock.exchange(1, order) != 0) {
            return outcome{};
        }
        const std::uint64_t others = state.inside.fetch_add(1, order);
        state.inside.fetch_add(static_cast<std::uint32_t>(-1), order);
        state.lock.store(0, order);
        return outcome{others};
    };
    for (const bool broken : {true, false}) {
        const auto program = [&] { return enter(broken); };
        const auto seen = explore(bytes_of(state), {program, program, program}, [](const auto& results) {
            for (const auto& result : results) {
                if (result[0] != 0) return std::string("two inside");
            }
            return std::string();
        });
        CHECK(seen.complete);
        CHECK(seen.findings.size() == (broken ? 1U : 0U));
    }
}

TEST_CASE("a limit is obeyed and said") {
    word counter;
    const auto program = [&] {
        for (int i = 0; i < 5; ++i) counter.fetch_add(1, order);
        return outcome{};
    };
    const auto seen = explore(bytes_of(counter), {program, program, program}, [](const auto&) { return ""; },
                              {.states = 20});
    CHECK_FALSE(seen.complete);
    CHECK(seen.states == 20);
}

}  // namespace
