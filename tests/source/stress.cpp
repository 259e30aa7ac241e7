// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Real threads on the sources and layers that have no such test of their own.
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/zone.hpp>
#include <thread>

#include "source/hammer.hpp"

namespace ashlar {
namespace {

struct yielding : cpu_platform<8> {
    static void relax() noexcept { std::this_thread::yield(); }
};
constexpr buddy_shape apart{.placement = placement::fullest, .mobility_classes = true};
constexpr buddy_shape words_of_32{.word_bits = 32};
constexpr rows_shape shared_slots{.contract = slot_contract::shared, .frames_per_cpu = 1};
constexpr auto nothing = [] { return 0; };

TEST_CASE("a list behind a lock") {
    hammer<locked<list_buddy<yielding>>>(nothing);
}
TEST_CASE("radix_buddy alone") {
    SUBCASE("words of 64 bits") {
        hammer<radix_buddy<yielding>>(nothing);
    }
    SUBCASE("words of 32 bits") {
        hammer<radix_buddy<yielding, words_of_32>>(nothing);
    }
}
TEST_CASE("counted") {
    hammer<counted<radix_buddy<yielding>>>(nothing);
}
TEST_CASE("mobility classes behind shared slots") {
    hammer<cpu_rows<radix_buddy<yielding, apart>, shared_slots>>(nothing);
}
TEST_CASE("ownership_checked around shared slots") {
    hammer<ownership_checked<cpu_rows<radix_buddy<yielding>, shared_slots>>>(nothing);
}
TEST_CASE("a zone") {
    hammer<zone<counted<radix_buddy<yielding>>>>(nothing);
}

}  // namespace
}  // namespace ashlar
