// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where an access through a window goes: the vectors of the specification, both ways, at compile time.
#include <doctest/doctest.h>

#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/window.hpp>
#include <cstdint>

namespace {

using namespace ashlar;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

/// Intel: base and limit, and a translation.
constexpr window intel{.local = {0x3a'0000'0000}, .target = {0x40'0000'0000}, .bytes = 3 * gib};
static_assert(intel.to_peer({0x3a'00a0'0000})->value == 0x40'00a0'0000);
static_assert(intel.to_peer({0x3a'bfff'ffff})->value == 0x40'bfff'ffff);
static_assert(intel.to_peer({0x3a'c000'0000}).error() == errc::not_covered);
static_assert(intel.to_peer({0x3a'c000'0001}).error() == errc::not_covered);
static_assert(intel.to_peer({0x39'ffff'ffff}).error() == errc::not_covered);
static_assert(intel.to_local({0x40'00a0'0000})->value == 0x3a'00a0'0000);
static_assert(intel.to_local({0x40'bfff'ffff})->value == 0x3a'bfff'ffff);
static_assert(intel.to_local({0x40'c000'0000}).error() == errc::not_covered);
static_assert(intel.to_local({0x40'bfff'fffc}, 4));
static_assert(intel.to_local({0x40'bfff'fffd}, 4).error() == errc::not_covered);
static_assert(intel.to_local({0x40'0000'0000}, 0).error() == errc::not_covered);
static_assert(intel.to_local({~std::uint64_t{0}}, 2).error() == errc::not_covered);

/// Servers L, M and D of the specification.
constexpr window l_to_m{.local = {0x40'0000'0000}, .target = {0}, .bytes = 4 * gib};
constexpr window l_to_d{.local = {0x42'0000'0000}, .target = {0x1'0000'0000}, .bytes = gib};
constexpr window d_to_m{.local = {0x60'0000'0000}, .target = {0}, .bytes = 4 * gib};
static_assert(l_to_m.to_local({0x20'0000}, 8)->value == 0x40'0020'0000);
static_assert(l_to_m.to_local({0x34'5010})->value == 0x40'0034'5010);
static_assert(l_to_d.to_local({0x1'0010'0008})->value == 0x42'0010'0008);
static_assert(l_to_d.to_local({0x10'0008}).error() == errc::not_covered);
static_assert(d_to_m.to_local({0x34'5010})->value == 0x60'0034'5010);

/// Bits are replaced: no carry, and the same bytes as long as both sides are aligned to the size.
constexpr window replaced{
    .local = {0x38'0400'0000}, .target = {0x5'4000'0000}, .bytes = 64 << 20, .replaces_bits = true};
static_assert(replaced.to_local({0x5'4123'4567})->value == 0x38'0523'4567);
static_assert(replaced.to_peer({0x38'0523'4567})->value == 0x5'4123'4567);
/// The local side is in the midst of a block of its size: the second half comes first.
constexpr window turned{
    .local = {0x38'0200'0000}, .target = {0x5'4000'0000}, .bytes = 64 << 20, .replaces_bits = true};
static_assert(turned.to_peer({0x38'0200'0000})->value == 0x5'4200'0000);
static_assert(turned.to_peer({0x38'0400'0000})->value == 0x5'4000'0000);
static_assert(turned.to_local({0x5'4000'0000})->value == 0x38'0400'0000);
static_assert(turned.to_local({0x5'4200'0000})->value == 0x38'0200'0000);
static_assert(turned.to_local({0x5'41ff'fffc}, 8).error() == errc::misaligned);
static_assert(turned.to_peer({0x38'03ff'fffc}, 8).error() == errc::misaligned);

/// The end of the address space.
constexpr window top{.local = {0x1000}, .target = {0xffff'ffff'ffff'f000}, .bytes = 0x1000};
static_assert(top.to_local({~std::uint64_t{0}})->value == 0x1fff);
static_assert(!top.shown().wraps());

static_assert(byte_address<guest>{0x7000'0010}.frame_of(12) == frame<guest>{0x70000});
static_assert(byte_range<peer>{{1}, ~std::uint64_t{0}}.wraps() == false);
static_assert(byte_range<peer>{{2}, ~std::uint64_t{0}}.wraps());

TEST_CASE("bytes that lie in two places of a window are not one") {
    CHECK(turned.to_local({0x5'41ff'fffc}, 8).error() == errc::misaligned);
    CHECK(turned.to_local({0x5'41ff'fffc}, 4)->value == 0x38'05ff'fffc);
    CHECK(turned.to_peer({0x38'03ff'fffc}, 8).error() == errc::misaligned);
    CHECK(turned.to_peer({0x38'03ff'fffc}, 4)->value == 0x5'43ff'fffc);
}

TEST_CASE("both ways through random windows come to the same byte") {
    std::uint64_t seed = 1;
    const auto next = [&seed] { return seed = seed * 6364136223846793005u + 1442695040888963407u; };
    for (unsigned i = 0; i < 20'000; ++i) {
        const std::uint64_t bytes = std::uint64_t{1} << (12 + next() % 20);
        const bool replaces = next() % 2 != 0;
        const window each{.local = {(next() >> 16) & ~std::uint64_t{0xfff}},
                          .target = {(next() >> 16) & ~(bytes - 1)},
                          .bytes = bytes,
                          .replaces_bits = replaces};
        const std::uint64_t offset = (next() >> 8) % bytes;
        const auto there = each.to_peer({each.local.value + offset});
        REQUIRE(there.has_value());
        CHECK(each.shown().contains(*there));
        CHECK(each.to_local(*there)->value == each.local.value + offset);
        if (!replaces) CHECK(there->value == each.target.value + offset);
        CHECK(each.to_peer({each.local.value + bytes}).error() == errc::not_covered);
        CHECK(each.to_local({each.target.value + bytes}).error() == errc::not_covered);
    }
}

}  // namespace
