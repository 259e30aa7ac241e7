// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weak memory model on programs of which everybody knows the results. Each test states all of them.
// Sources of the tests and of their names: ISO C++20 [atomics.order]; Alglave, Maranget, Tautschnig, Herding
// Cats (TOPLAS 2014); Lahav et al., Repairing Sequential Consistency in C/C++11 (PLDI 2017).
#include <doctest/doctest.h>

#include "interleaving/litmus.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr std::size_t x = 0;
constexpr std::size_t y = 1;
constexpr std::size_t z = 2;

/// The results without what is left in the words.
litmus_results found(const std::vector<litmus_program>& programs) {
    litmus_results short_ones;
    for (litmus_result each : explored(programs)) {
        each.resize(each.size() - litmus_words);
        short_ones.insert(each);
    }
    return short_ones;
}
/// What is left in x and y.
litmus_results left(const std::vector<litmus_program>& programs) {
    litmus_results short_ones;
    for (const litmus_result& each : explored(programs))
        short_ones.insert({each[each.size() - 3], each[each.size() - 2]});
    return short_ones;
}
/// All combinations of 0 and 1, without some.
litmus_results all_but(std::size_t count, const litmus_results& without) {
    litmus_results all;
    for (std::size_t bits = 0; bits < std::size_t{1} << count; ++bits) {
        litmus_result one;
        for (std::size_t i = count; i > 0; --i) one.push_back(bits >> (i - 1) & 1);
        if (without.count(one) == 0) all.insert(one);
    }
    return all;
}

TEST_CASE("SB, store buffering: only sequential consistency forbids that both read 0") {
    const auto run = [](memory_order storing, memory_order loading) {
        return found({{store(x, 1, storing), load(y, loading)}, {store(y, 1, storing), load(x, loading)}});
    };
    CHECK(run(relaxed, relaxed) == all_but(2, {}));
    CHECK(run(release, acquire) == all_but(2, {}));
    CHECK(run(seq_cst, seq_cst) == all_but(2, {{0, 0}}));
    CHECK(run(seq_cst, acquire) == all_but(2, {}));
    CHECK(run(release, seq_cst) == all_but(2, {}));
}

TEST_CASE("SB with read-modify-writes: acquiring and releasing both is not enough") {
    const auto run = [](memory_order updating, memory_order loading) {
        return found(
            {{exchange(x, 1, updating), load(y, loading)}, {exchange(y, 1, updating), load(x, loading)}});
    };
    const litmus_results all{{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 1, 0, 0}, {0, 1, 0, 1}};
    CHECK(run(acq_rel, acquire) == all);
    CHECK(run(acq_rel, seq_cst) == all);
    CHECK(run(seq_cst, seq_cst) == litmus_results{{0, 0, 0, 1}, {0, 1, 0, 0}, {0, 1, 0, 1}});
}

TEST_CASE("MP, message passing: a release that is acquired; a relaxed one on either side breaks it") {
    // Found: the flag, then the data.
    const auto run = [](memory_order storing, memory_order loading) {
        return found({{store(x, 1, relaxed), store(y, 1, storing)}, {load(y, loading), load(x, relaxed)}});
    };
    CHECK(run(release, acquire) == all_but(2, {{1, 0}}));
    CHECK(run(seq_cst, seq_cst) == all_but(2, {{1, 0}}));
    CHECK(run(relaxed, acquire) == all_but(2, {}));
    CHECK(run(release, relaxed) == all_but(2, {}));
    CHECK(run(relaxed, relaxed) == all_but(2, {}));
}

TEST_CASE("MP by read-modify-writes") {
    const auto run = [](memory_order giving, memory_order taking) {
        return found({{store(x, 1, relaxed), add(y, 1, giving)}, {exchange(y, 0, taking), load(x, relaxed)}});
    };
    CHECK(run(acq_rel, acq_rel) == litmus_results{{0, 0, 0}, {0, 0, 1}, {0, 1, 1}});
    CHECK(run(relaxed, acq_rel) == litmus_results{{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 1}});
    CHECK(run(acq_rel, relaxed) == litmus_results{{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 1}});
}

TEST_CASE("LB, load buffering: forbidden here, stronger than the standard") {
    const auto run = [](memory_order order) {
        return found({{load(x, order), store(y, 1, relaxed)}, {load(y, order), store(x, 1, relaxed)}});
    };
    CHECK(run(relaxed) == all_but(2, {{1, 1}}));
    CHECK(run(acquire) == all_but(2, {{1, 1}}));
}

TEST_CASE("IRIW: two readers disagree on the order of two stores, unless they are sequentially consistent") {
    const auto run = [](memory_order storing, memory_order loading) {
        return found({{store(x, 1, storing)},
                      {store(y, 1, storing)},
                      {load(x, loading), load(y, loading)},
                      {load(y, loading), load(x, loading)}});
    };
    CHECK(run(release, acquire) == all_but(4, {}));
    CHECK(run(seq_cst, acquire) == all_but(4, {}));
    // C++20 orders the loads: each that read the old value comes before each that read the new one.
    CHECK(run(release, seq_cst) == all_but(4, {{1, 0, 1, 0}}));
    CHECK(run(seq_cst, seq_cst) == all_but(4, {{1, 0, 1, 0}}));
}

TEST_CASE("coherence: one word has one order of stores, and nobody goes back in it") {
    // CoRR, by two readers of two stores.
    for (const auto& each : found({{store(x, 1, relaxed)},
                                   {store(x, 2, relaxed)},
                                   {load(x, relaxed), load(x, relaxed)},
                                   {load(x, relaxed), load(x, relaxed)}})) {
        CHECK_FALSE((each[0] != 0 && each[1] == 0));
        CHECK_FALSE((each[0] == 1 && each[1] == 2 && each[2] == 2 && each[3] == 1));
        CHECK_FALSE((each[0] == 2 && each[1] == 1 && each[2] == 1 && each[3] == 2));
    }
    CHECK(found({{store(x, 1, relaxed)}, {load(x, relaxed), load(x, relaxed)}}) == all_but(2, {{1, 0}}));
    // CoWW: what a program stores last stays.
    CHECK(left({{store(x, 1, relaxed), store(x, 2, relaxed)}}) == litmus_results{{2, 0}});
    // CoWR: after its own store a program finds that, or a later one.
    CHECK(found({{store(x, 1, relaxed), load(x, relaxed)}, {store(x, 2, relaxed)}}) ==
          litmus_results{{1}, {2}});
    // CoRW: what is read comes before what the program then stores.
    for (const auto& each : explored({{load(x, relaxed), store(x, 1, relaxed)}, {store(x, 2, relaxed)}}))
        CHECK_FALSE((each[0] == 2 && each[1] == 2));
}

TEST_CASE("2+2W: both first stores may be the last ones, unless all is sequentially consistent") {
    const auto run = [](memory_order order) {
        return left({{store(x, 1, order), store(y, 2, order)}, {store(y, 1, order), store(x, 2, order)}});
    };
    CHECK(run(relaxed) == litmus_results{{1, 1}, {1, 2}, {2, 1}, {2, 2}});
    CHECK(run(release) == litmus_results{{1, 1}, {1, 2}, {2, 1}, {2, 2}});
    CHECK(run(seq_cst) == litmus_results{{1, 2}, {2, 1}, {2, 2}});
}

TEST_CASE("R and S") {
    const auto r = [](memory_order storing, memory_order loading) {
        return explored(
                   {{store(x, 1, storing), store(y, 1, storing)}, {store(y, 2, storing), load(x, loading)}})
            .count({0, 1, 2, 0});
    };
    CHECK(r(relaxed, relaxed) == 1);
    CHECK(r(release, acquire) == 1);
    CHECK(r(seq_cst, seq_cst) == 0);
    const auto s = [](memory_order storing, memory_order loading) {
        return explored(
                   {{store(x, 2, relaxed), store(y, 1, storing)}, {load(y, loading), store(x, 1, relaxed)}})
            .count({1, 2, 1, 0});
    };
    CHECK(s(relaxed, relaxed) == 1);
    CHECK(s(release, acquire) == 0);
}

TEST_CASE("WRC and ISA2: what a release publishes is passed on by those who acquired it") {
    const auto wrc = [](memory_order passing) {
        return found({{store(x, 1, relaxed)},
                      {load(x, passing == release ? acquire : relaxed), store(y, 1, passing)},
                      {load(y, acquire), load(x, relaxed)}});
    };
    CHECK(wrc(release).count({1, 1, 0}) == 0);
    CHECK(wrc(relaxed).count({1, 1, 0}) == 1);
    const auto isa2 = found({{store(x, 1, relaxed), store(y, 1, release)},
                             {load(y, acquire), store(z, 1, release)},
                             {load(z, acquire), load(x, relaxed)}});
    CHECK(isa2 == all_but(3, {{1, 1, 0}}));
}

TEST_CASE("release sequences: a read-modify-write passes on what was released, a store does not") {
    const auto passed_on = [](litmus_access between) {
        return found(
            {{store(x, 1, relaxed), store(y, 1, release)}, {between}, {load(y, acquire), load(x, relaxed)}});
    };
    CHECK(passed_on(add(y, 1, relaxed)).count({1, 2, 0}) == 0);
    CHECK(passed_on(compare_exchange(y, 1, 2, relaxed)).count({1, 2, 0}) == 0);
    CHECK(passed_on(store(y, 2, relaxed)).count({2, 0}) == 1);
    // Nor does a store of the same program: that was so until C++17.
    CHECK(found({{store(x, 1, relaxed), store(y, 1, release), store(y, 2, relaxed)},
                 {load(y, acquire), load(x, relaxed)}})
              .count({2, 0}) == 1);
}

TEST_CASE("a read-modify-write follows directly on what it read") {
    CHECK(found({{add(x, 1, relaxed)}, {add(x, 1, relaxed)}}) == litmus_results{{0, 1}, {1, 0}});
    // The store comes before both, between or after them, never in the middle of one.
    for (const auto& each : explored({{add(x, 1, relaxed)}, {add(x, 1, relaxed)}, {store(x, 10, relaxed)}})) {
        const std::set<litmus_result> possible{{0, 1, 10, 0, 0},  {1, 0, 10, 0, 0},   {0, 10, 11, 0, 0},
                                               {10, 0, 11, 0, 0}, {10, 11, 12, 0, 0}, {11, 10, 12, 0, 0}};
        CHECK(possible.count(each) == 1);
    }
}

TEST_CASE("a compare-exchange that fails is a load by the load half of its order") {
    const auto run = [](memory_order order) {
        return found({{store(x, 1, relaxed), store(y, 1, release)},
                      {compare_exchange(y, 5, 6, order), load(x, relaxed)}});
    };
    CHECK(run(acq_rel) == all_but(2, {{1, 0}}));
    CHECK(run(seq_cst) == all_but(2, {{1, 0}}));
    CHECK(run(release) == all_but(2, {}));
    CHECK(run(relaxed) == all_but(2, {}));
}

TEST_CASE("Z6.U: S need not agree with what happens before where orders are mixed on one word") {
    const auto run = [](memory_order between) {
        return explored({{store(x, 1, seq_cst), store(y, 1, between)},
                         {add(y, 1, seq_cst), load(y, relaxed)},
                         {store(y, 3, seq_cst), load(x, seq_cst)}});
    };
    const litmus_result odd{1, 3, 0, 1, 3, 0};
    CHECK(run(release).count(odd) == 1);
    CHECK(run(seq_cst).count(odd) == 0);
}

TEST_CASE("Dekker: who sets his flag and sees none is alone") {
    const auto both_in = [](memory_order storing, memory_order loading) {
        return found(
                   {{exchange(x, 1, storing), load(y, loading)}, {exchange(y, 1, storing), load(x, loading)}})
            .count({0, 0, 0, 0});
    };
    CHECK(both_in(seq_cst, seq_cst) == 0);
    CHECK(both_in(acq_rel, acquire) == 1);
}

/// A spin lock around a cell that its holder owns.
exploration run_lock(memory_order taking, memory_order dropping, std::size_t programs) {
    struct {
        stepped_atomic<std::uint32_t> lock;
        owned_cell<std::uint32_t> inside;
    } state;
    const auto enter = [&] {
        while (state.lock.exchange(1, taking) != 0) {
            while (state.lock.load(relaxed) != 0) {
            }
        }
        state.inside.set(state.inside.get() + 1);
        state.lock.store(0, dropping);
        return outcome{};
    };
    return explore({reinterpret_cast<std::byte*>(&state), sizeof state},
                   std::vector<explorer::program>(programs, enter),
                   [&](const auto&) { return state.inside.get() == programs ? "" : "an entry was lost"; },
                   {.memory = memory_model::weak});
}
TEST_CASE("a spin lock: acquire and release; with either one relaxed two are inside") {
    for (const std::size_t programs : {2U, 3U}) {
        const auto right = run_lock(acquire, release, programs);
        CHECK(right.complete);
        CHECK(right.findings.empty());
        CHECK(right.end_states > 0);
    }
    for (const auto& broken : {run_lock(acquire, relaxed, 2), run_lock(relaxed, release, 2)}) {
        REQUIRE(broken.findings.size() == 1);
        CHECK(broken.findings[0].what.find("neither happens before the other") != std::string::npos);
        CHECK(broken.findings[0].schedule.find("owned access") != std::string::npos);
    }
}

}  // namespace
