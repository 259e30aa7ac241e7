// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/core/bytes.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

using namespace ashlar;

namespace {
constexpr std::byte input[]{std::byte{0x01}, std::byte{0x02}, std::byte{0x03}, std::byte{0x04},
                            std::byte{0x85}};
}

TEST_CASE("integers are read at any alignment, in both byte orders") {
    static_assert(load_little<std::uint32_t>(input, 1) == 0x85040302);
    static_assert(load_big<std::uint32_t>(input, 1) == 0x02030485);
    static_assert(load_little<std::uint8_t>(input, 4) == 0x85);
    CHECK(load_little<std::uint16_t>(input, 3) == 0x8504);
}

TEST_CASE("a read past the end is 0, and offsets do not wrap") {
    constexpr std::size_t huge = ~std::size_t{0};
    static_assert(load_little<std::uint32_t>(input, 2) == 0);
    static_assert(load_big<std::uint64_t>(input, 0) == 0);
    static_assert(load_little<std::uint16_t>(input, huge) == 0);
    static_assert(holds(input, 5, 0) && !holds(input, 6, 0) && !holds(input, 1, huge));
    CHECK(load_little<std::uint16_t>(bytes{}, 0) == 0);
}

TEST_CASE("a subview clips to what is there") {
    constexpr bytes whole{input};
    static_assert(whole.subview(1, 2).size() == 2 && whole.subview(1, 2)[0] == std::byte{0x02});
    static_assert(whole.subview(4).size() == 1 && whole.subview(9).empty());
    static_assert(whole.subview(4, ~std::size_t{0}).size() == 1);
    std::size_t seen = 0;
    for ([[maybe_unused]] const std::byte each : whole) ++seen;
    CHECK(seen == 5);
}
