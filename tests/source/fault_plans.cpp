// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <vector>

namespace ashlar {
namespace {

using testing::call;
using testing::verb;
using buddy = list_buddy<platform, buddy_shape{.top_order = 6, .pageblock_order = 3}>;
constexpr range<> frames{{64}, 128};

struct faulty {
    faulty() {
        REQUIRE(source.attach(frames, words, start::fresh) == errc::ok);
        REQUIRE(source.online(frames) == errc::ok);
    }
    /// Which of the next calls fail.
    std::vector<int> failing(int calls) {
        std::vector<int> failed;
        for (int i = 1; i <= calls; ++i) {
            if (!source.allocate({})) failed.push_back(i);
        }
        return failed;
    }
    buddy::word words[buddy::metadata_words(frames)];
    testing::fault_injected<buddy> source;
};

TEST_CASE("the nth call fails") {
    faulty f;
    f.source.set_plan({.nth = 3});
    CHECK(f.failing(7) == std::vector{3});
    CHECK(f.source.injected() == 1);
    CHECK(f.source.free_frames() == 128 - 6);
}

TEST_CASE("every nth call fails, with the error chosen") {
    faulty f;
    f.source.set_plan({.error = errc::busy, .every = 3});
    CHECK(f.failing(7) == std::vector{3, 6});
    CHECK(f.source.free_frames() == 128 - 5);
    f.source.set_plan({.error = errc::busy});
    CHECK(f.source.allocate({}).error() == errc::busy);
}

TEST_CASE("calls that match a predicate fail: the third huge allocation") {
    faulty f;
    testing::fault_plan<> plan{.error = errc::exhausted, .nth = 3};
    unsigned huge = 4;
    plan.context = &huge;
    plan.matches = [](const call<>& made, void* context) {
        return made.which == verb::allocate && made.wanted.order == *static_cast<unsigned*>(context);
    };
    f.source.set_plan(plan);
    std::vector<bool> served;
    for (int i = 0; i < 4; ++i) {
        CHECK(f.source.allocate({.order = 0}));
        served.push_back(f.source.allocate({.order = huge}).has_value());
    }
    CHECK(served == std::vector{true, true, false, true});
    CHECK(f.source.validate() == errc::ok);
    CHECK(f.source.free_frames() == 128 - 4 - 3 * 16);
}

}  // namespace
}  // namespace ashlar
