// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random calls against the oracle for one type; ASHLAR_TYPE_UNDER_TEST names it.
#include <doctest/doctest.h>
#include <ashlar/testing/model_run.hpp>
#include <map>
#include <string>

#include "harness/by_day.hpp"
#include "source/types.hpp"

namespace ashlar::under_test {

using type = ASHLAR_TYPE_UNDER_TEST;
using source = type::source;
using testing::verb;

TEST_CASE("a long random history agrees with the oracle") {
    // Sizes around the top order: several tops with ragged ends, less than one, from frame 0, and a single
    // frame.
    constexpr std::uint64_t top = source::top_order < 10 ? std::uint64_t{1} << source::top_order : 1024;
    const range<source::space> geometries[] = {
        {{4 * top}, 4 * top},
        {{4 * top - 5}, 2 * top + 9},
        {{0}, top + top / 2},
        {{top + 1}, top - 2},
        {{7}, 1},
    };
    const std::uint64_t work = harness::by_day(200'000, 5'000'000);
    constexpr verb counted_verbs[] = {verb::online, verb::offline,  verb::isolate,     verb::readmit,
                                      verb::revoke, verb::allocate, verb::allocate_at, verb::free};
    std::map<verb, std::uint64_t> successes;
    std::map<verb, std::uint64_t> failures;
    const std::uint64_t often = work < 200'000 ? 50 : 1'000;
    std::uint64_t seed = 1;
    for (const auto& frames : geometries) {
        for (int repeat = 0; repeat < 2; ++repeat, ++seed) {
            // A step costs in proportion to the frames beyond some.
            const std::uint64_t steps = frames.count < 256 ? work : work * 256 / frames.count;
            CAPTURE(frames.first.number);
            CAPTURE(frames.count);
            testing::model_run<source> run(frames, seed, type::freedom);
            const std::string wrong = run.steps(steps);
            REQUIRE(wrong == "");
            CHECK(run.exhaustions() > often / 10);
            for (const verb each : counted_verbs) {
                successes[each] += run.successes(each);
                failures[each] += run.failures(each);
            }
        }
    }
    // Each verb both worked and failed often enough to have been checked.
    for (const verb each : counted_verbs) {
        INFO(std::string(to_string(each)));
        CHECK(successes[each] > often);
        CHECK(failures[each] > often);
    }
}

}  // namespace ashlar::under_test
