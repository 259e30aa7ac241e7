// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two buddies side by side: what holds whichever block is chosen has to be the same.
#include <doctest/doctest.h>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/side_by_side.hpp>
#include <cstdlib>
#include <string>

namespace ashlar {
namespace {

template <class A, class B>
void compare(range<> frames, std::uint64_t work) {
    const std::uint64_t steps = std::getenv("ASHLAR_LONG") != nullptr ? 20 * work : work;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        testing::side_by_side<A, B> run(frames, seed);
        const std::string wrong = run.steps(steps);
        REQUIRE(wrong == "");
        // Fragmentation differs now and then, not as a rule.
        CHECK(run.served_by_both() > steps / 10);
        CHECK(run.served_by_one() < run.served_by_both() / 4);
    }
}

TEST_CASE("small lines, 64-bit words") {
    constexpr buddy_shape shape{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
    compare<radix_buddy<platform, shape>, list_buddy<platform, shape>>({{1024}, 1024}, 100'000);
    compare<radix_buddy<platform, shape>, list_buddy<platform, shape>>({{251}, 300}, 100'000);
}

TEST_CASE("32-bit words") {
    constexpr buddy_shape shape{
        .top_order = 12, .word_bits = 32, .row_order = 5, .line_order = 7, .pageblock_order = 6};
    compare<radix_buddy<platform, shape>, list_buddy<platform, shape>>({{4090}, 8200}, 20'000);
}

TEST_CASE("the default shape") {
    compare<radix_buddy<platform>, list_buddy<platform>>({{0x3fff0}, 0x8000}, 20'000);
}

}  // namespace
}  // namespace ashlar
