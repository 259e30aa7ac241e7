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

TEST_CASE("words of one program, and words that nobody writes, are no steps") {
    struct {
        word shared;
        word mine[2];
        word constant;
    } state;
    const auto program = [&state](std::size_t which) {
        return [&state, which] {
            std::uint32_t sum = state.constant.load(order);
            for (int i = 0; i < 10; ++i) sum += state.mine[which].fetch_add(1, order);
            return outcome{state.shared.fetch_add(1, order), sum};
        };
    };
    for (const auto memory : {memory_model::sequential, memory_model::weak}) {
        const auto seen = explore(bytes_of(state), {program(0), program(1)},
                                  [&](const auto& results) -> std::string {
                                      const bool right = state.shared.load(order) == 2 &&
                                                         state.mine[0].load(order) == 10 &&
                                                         results[0][1] == 45 && results[1][1] == 45;
                                      return right ? "" : "a step is lost";
                                  },
                                  {.memory = memory});
        CHECK(seen.findings.empty());
        CHECK(seen.states == 5);
        CHECK(state.mine[0].load(order) == 0);
    }
}

/// The second program gets out of step with the first one only if that is interrupted `times` times.
exploration interrupted(std::size_t times, std::uint32_t deviations) {
    struct {
        word asked;
        word answered;
    } state;
    const auto asks = [&] {
        std::uint64_t answers = 0;
        for (std::uint32_t i = 1; i <= times; ++i) {
            state.asked.store(i, order);
            answers += state.answered.load(order) == i ? 1 : 0;
        }
        return outcome{answers};
    };
    const auto replies = [&] {
        for (std::uint32_t i = 1; i <= times; ++i) {
            if (state.asked.load(order) != i) return outcome{};
            state.answered.store(i, order);
        }
        return outcome{};
    };
    return explore(bytes_of(state), {asks, replies},
                   [&](const auto& results) { return results[0][0] == times ? "answered each time" : ""; },
                   {.deviations = deviations});
}
TEST_CASE("a bound on deviations: what needs more preemptions is not found, the rest is") {
    CHECK(interrupted(1, 0).findings.empty());
    CHECK(interrupted(1, 1).findings.size() == 1);
    CHECK(interrupted(2, 2).findings.empty());
    CHECK(interrupted(2, 3).findings.size() == 1);
    CHECK(interrupted(2, no_bound).findings.size() == 1);
    CHECK(interrupted(2, 2).states < interrupted(2, no_bound).states);
}
TEST_CASE("a bound on deviations: old values count") {
    word flags[2];
    const auto program = [&](int mine) {
        return [&flags, mine] {
            flags[mine].store(1, memory_order::release);
            return outcome{flags[1 - mine].load(memory_order::acquire)};
        };
    };
    const auto run = [&](std::uint32_t deviations) {
        return explore(bytes_of(flags), {program(0), program(1)},
                       [](const auto& results) { return results[0][0] + results[1][0] == 0 ? "both" : ""; },
                       {.memory = memory_model::weak, .deviations = deviations})
            .findings.size();
    };
    CHECK(run(0) == 0);
    CHECK(run(1) == 1);
}

TEST_CASE("random schedules: a seed is told, and finds the same again") {
    word counter;
    const auto add = [&] {
        counter.store(counter.load(order) + 1, order);
        return outcome{};
    };
    const auto judge = [&](const auto&) { return counter.load(order) == 3 ? "" : "lost update"; };
    const std::vector<explorer::program> programs{add, add, add};
    const auto seen = explore(bytes_of(counter), programs, judge,
                              {.memory = memory_model::weak, .random_runs = 1000, .seed = 7});
    REQUIRE(seen.findings.size() == 1);
    CHECK(seen.end_states == 1000);
    CHECK(seen.findings[0].seed >= 7);
    CHECK(seen.findings[0].seed < 1007);
    const auto again =
        explore(bytes_of(counter), programs, judge,
                {.memory = memory_model::weak, .random_runs = 1, .seed = seen.findings[0].seed});
    REQUIRE(again.findings.size() == 1);
    CHECK(again.findings[0].schedule == seen.findings[0].schedule);
    CHECK(counter.load(order) == 0);
}

TEST_CASE("who waits for one that has stopped is told") {
    word lock;
    const auto run = [&](bool waits) {
        const auto enter = [&lock, waits] {
            while (lock.exchange(1, order) != 0) {
                if (!waits) return outcome{};
            }
            lock.store(0, order);
            return outcome{};
        };
        return explore(bytes_of(lock), {enter, enter}, [](const auto&) { return ""; }, {.alone = 50});
    };
    CHECK(run(false).findings.empty());
    const auto seen = run(true);
    REQUIRE(seen.findings.size() == 2);
    CHECK(seen.findings[0].what == "program 0 waits for one that has stopped");
}

TEST_CASE("what is looked at in each state") {
    word pair[2];
    const auto move = [&] {
        pair[0].fetch_add(1, order);
        pair[1].fetch_add(1, order);
        return outcome{};
    };
    const auto differ = [&]() -> std::string {
        const auto behind = pair[0].load(order) - pair[1].load(order);
        pair[0].store(77, order);  // is changed back
        return behind > 1 ? "two behind" : "";
    };
    const auto both = [&](const auto&) { return pair[0].load(order) == pair[1].load(order) ? "" : "differ"; };
    CHECK(explore(bytes_of(pair), {move}, both, {.at_each_state = differ}).findings.empty());
    const auto seen = explore(bytes_of(pair), {move, move}, both, {.at_each_state = differ});
    REQUIRE(seen.findings.size() == 1);
    CHECK(seen.findings[0].what == "two behind");
}

TEST_CASE("a trace tells each step: what was found, who had stored that, what was left") {
    struct {
        word data;
        word flag;
    } state;
    const auto writes = [&] {
        state.data.store(7, memory_order::relaxed);
        state.flag.store(1, memory_order::relaxed);
        return outcome{};
    };
    const auto reads = [&] {
        std::uint32_t expected = 1;
        if (!state.flag.compare_exchange(expected, 2, memory_order::acq_rel)) return outcome{7};
        return outcome{state.data.load(memory_order::relaxed)};
    };
    const auto seen =
        explore(bytes_of(state), {writes, reads},
                [](const auto& results) { return results[1][0] == 7 ? "" : "old data"; },
                {.memory = memory_model::weak, .stop_at_first = true, .name_of = [](std::size_t offset) {
                     return std::string(offset == 0 ? "data" : "flag");
                 }});
    REQUIRE(seen.findings.size() == 1);
    CHECK(seen.findings[0].schedule ==
          "   1  program 0  store             relaxed  data             -> 0x7\n"
          "   2  program 0  store             relaxed  flag             -> 0x1\n"
          "   3  program 1  compare-exchange  acq_rel  flag            0x1 -> 0x2, of step 2\n"
          "   4  program 1  load              relaxed  data            0x0, not the newest, of the start\n");
}

}  // namespace
