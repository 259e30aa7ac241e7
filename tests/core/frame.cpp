// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/core/frame.hpp>
#include <concepts>
#include <cstdint>

using namespace ashlar;

// Each claim is checked while compiling, where an overflow or a stray read does not compile, and again at run
// time, where the sanitizers look.
#define BOTH(...)                   \
    do {                            \
        static_assert(__VA_ARGS__); \
        CHECK((__VA_ARGS__));       \
    } while (false)

namespace {
constexpr std::uint64_t last = ~std::uint64_t{0};
constexpr range<> low{{10}, 5};  // 10 to 14
}  // namespace

TEST_CASE("frames of different spaces do not mix") {
    BOTH(!std::equality_comparable_with<frame<machine>, frame<guest>>);
    BOTH(!std::convertible_to<frame<os>, frame<machine>>);
    BOTH(!std::constructible_from<range<peer>, range<machine>>);
}

TEST_CASE("a range is half open") {
    BOTH(low.contains(frame<>{10}) && low.contains(frame<>{14}));
    BOTH(!low.contains(frame<>{9}) && !low.contains(frame<>{15}));
    BOTH(low.end() == frame<>{15});
    BOTH(range<>::between({10}, {15}) == low);
    BOTH(range<>::between({15}, {10}).empty());
}

TEST_CASE("empty ranges contain nothing and overlap nothing") {
    constexpr range<> nothing{{12}, 0};
    BOTH(nothing.empty() && !nothing.contains(frame<>{12}));
    BOTH(!nothing.overlaps(low) && !low.overlaps(nothing));
}

TEST_CASE("a range whose end cannot be represented wraps, and is contained in nothing") {
    BOTH(range<>{{last}, 2}.wraps());
    BOTH(!range<>{{last}, 0}.wraps());
    BOTH(!range<>{{0}, last}.wraps());
    BOTH(!range<>{{0}, last}.contains(range<>{{last}, 2}));
}

TEST_CASE("overlap and clipping agree") {
    BOTH(low.overlaps({{14}, 9}) && low.clipped_to({{14}, 9}) == range<>{{14}, 1});
    BOTH(!low.overlaps({{15}, 9}) && low.clipped_to({{15}, 9}).empty());
    BOTH(low.clipped_to({{0}, last}) == low);
    BOTH(low.contains(range<>{{11}, 2}) && !low.contains(range<>{{11}, 5}));
}

TEST_CASE("blocks are naturally aligned") {
    BOTH(aligned(frame<>{8}, 3) && !aligned(frame<>{8}, 4));
    BOTH(aligned(frame<>{0}, 63) && !aligned(frame<>{0}, 64));
    BOTH(block(frame<>{8}, 3) == range<>{{8}, 8});
}
