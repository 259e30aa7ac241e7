// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Marks, the emergency reserve, and low memory that is kept for those who need it.
#include <ashlar/zone/watermarks.hpp>

#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

using reliable = physical_memory<radix_zone>;
using resort = physical_memory<radix_zone, last_resort<reliability_first>>;

constexpr std::uint64_t frames_of(std::uint64_t bytes) {
    return bytes >> 12;
}

// The table beside Linux's init_per_zone_wmark_min: memory in MiB, reserve in KiB.
static_assert(min_free_frames({}, frames_of(16 * mebibyte), 12) == frames_of(512 << 10));
static_assert(min_free_frames({}, frames_of(64 * mebibyte), 12) == frames_of(1024 << 10));
static_assert(min_free_frames({}, frames_of(256 * mebibyte), 12) == frames_of(2048 << 10));
static_assert(min_free_frames({}, frames_of(1024 * mebibyte), 12) == frames_of(4096 << 10));
static_assert(min_free_frames({}, frames_of(16384 * mebibyte), 12) == frames_of(16384 << 10));
static_assert(min_free_frames({}, frames_of(16), 12) == frames_of(128 << 10), "never below 128 KiB");
static_assert(min_free_frames({}, std::uint64_t{1} << 34, 12) == frames_of(256 * mebibyte),
              "nor above 256 MiB");
static_assert(min_free_frames({.min_free_bytes = mebibyte}, 1, 12) == 256);

// A zone of half the memory, then one of movable memory, then a coarse scale.
static_assert(watermarks_of_zone({}, zone_kind::normal, 100'000, 1024, 200'000) == watermarks{512, 640, 768});
static_assert(watermarks_of_zone({}, zone_kind::movable, 65'536, 1024, 200'000) == watermarks{64, 147, 230});
static_assert(watermarks_of_zone({.scale = 1000}, zone_kind::normal, 100'000, 1024, 200'000) ==
              watermarks{512, 10'512, 20'512});

// Linux's defaults on a node of 16 MiB, 1 GiB and 4 GiB: one frame for each 256 above DMA and DMA32.
constexpr std::uint64_t pc[zone_kinds] = {4096, 262'144, 1'048'576, 0};
static_assert(lowmem_reserve_of_zone({}, zone_kind::dma, pc) == lowmem_reserve{{0, 1024, 5120, 5120}});
static_assert(lowmem_reserve_of_zone({}, zone_kind::dma32, pc) == lowmem_reserve{{0, 0, 4096, 4096}});
static_assert(lowmem_reserve_of_zone({}, zone_kind::normal, pc) == lowmem_reserve{});
static_assert(lowmem_reserve_of_zone({.lowmem_ratio = {0, 0, 0, 0}}, zone_kind::dma, pc) == lowmem_reserve{});

static_assert(highest_kind(request<>{}, 0x1000, 0x100000) == zone_kind::normal);
static_assert(highest_kind(request<>{.mobility = mobility::movable}, 0x1000, 0x100000) == zone_kind::movable);
static_assert(highest_kind(request<>{.below = {0x1000}}, 0x1000, 0x100000) == zone_kind::dma);
static_assert(highest_kind(request<>{.below = {0x1001}}, 0x1000, 0x100000) == zone_kind::dma32);
static_assert(highest_kind(request<>{.below = {0x100001}}, 0x1000, 0x100000) == zone_kind::normal);

template <class Memory>
std::uint64_t take_all(const booted<Memory>& ram, request<> wanted) {
    std::uint64_t count = 0;
    while (ram->allocate(wanted)) ++count;
    return count;
}

/// 16 MiB below 16 MiB, 64 MiB below and 256 MiB above 4 GiB, on one node.
struct desktop : firmware {
    desktop() {
        ram(0x1000, 16 * mebibyte, 0);
        ram(16 * mebibyte, 80 * mebibyte, 0);
        ram(4 * gibibyte, 4 * gibibyte + 256 * mebibyte, 0);
    }
};
constexpr frame<> in_dma{1};
constexpr frame<> in_dma32{0x1000};
constexpr frame<> in_normal{0x100000};

TEST_CASE("without marks everything can be had") {
    const booted<reliable> ram{desktop{}};
    CHECK(ram->watermarks_of(in_normal) == watermarks{});
    CHECK(ram->pressure_of(in_normal) == memory_pressure::none);
    CHECK(take_all(ram, {}) == frames_of(336 * mebibyte) - 1);
    CHECK(ram->pressure_of(in_normal) == memory_pressure::none);
}

TEST_CASE("ordinary requests stop at the min mark; urgent ones get the reserve") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    REQUIRE(ram->set_watermarks(in_normal, {100, 200, 300}) == errc::ok);
    CHECK(ram->pressure_of(in_normal) == memory_pressure::none);
    std::uint64_t left = ram->free_frames();
    for (; ram->allocate({}); --left) {
        const memory_pressure expected = left - 1 > 300    ? memory_pressure::none
                                         : left - 1 >= 200 ? memory_pressure::moderate
                                         : left - 1 > 100  ? memory_pressure::low
                                                           : memory_pressure::critical;
        if (ram->pressure_of(in_normal) != expected) FAIL("at ", left);
    }
    CHECK(left == 100);
    CHECK(ram->allocate({}).error() == errc::exhausted);
    CHECK(take_all(ram, {.urgent = true}) == 100);
    CHECK(ram->free_frames() == 0);
}

TEST_CASE("a block does not reach into the reserve either") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    const std::uint64_t frames = ram->free_frames();
    REQUIRE(ram->set_watermarks(in_normal, {frames - 511, frames, frames}) == errc::ok);
    CHECK(ram->allocate({.order = 9}).error() == errc::exhausted);
    CHECK(ram->allocate({.order = 8}).has_value());
    CHECK(ram->allocate({.order = 9, .urgent = true}).has_value());
}

TEST_CASE("low memory is kept for requests that can have no other") {
    const booted<reliable> ram{desktop{}};
    ram->set_watermarks({.min_free_bytes = 1 << 20, .lowmem_ratio = {64, 64, 32, 0}});
    const std::uint64_t dma32 = frames_of(64 * mebibyte);
    const std::uint64_t normal = frames_of(256 * mebibyte);
    const auto free_in = [&](zone_kind kind) {
        std::uint64_t free = 0;
        ram->for_each_zone([&](const zone_description& what, const auto& zone) {
            if (what.kind == kind) free += zone.free_frames();
        });
        return free;
    };
    (void)take_all(ram, {});
    CHECK(free_in(zone_kind::normal) == ram->watermarks_of(in_normal).min);
    CHECK(free_in(zone_kind::dma32) == ram->watermarks_of(in_dma32).min + normal / 64);
    CHECK(free_in(zone_kind::dma) == ram->watermarks_of(in_dma).min + (dma32 + normal) / 64);
    // Who says that it needs an address below 4 GiB gets more of it, and below 16 MiB all but the reserve.
    (void)take_all(ram, {.below = {0x100000}});
    CHECK(free_in(zone_kind::dma32) == ram->watermarks_of(in_dma32).min);
    CHECK(free_in(zone_kind::dma) == ram->watermarks_of(in_dma).min + dma32 / 64);
    (void)take_all(ram, {.below = {0x1000}});
    CHECK(free_in(zone_kind::dma) == ram->watermarks_of(in_dma).min);
    (void)take_all(ram, {.urgent = true});
    CHECK(ram->free_frames() == 0);
}

TEST_CASE("a last resort leaves the reserves of mirrored zones alone") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0, true);
    machine.ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 0);
    const booted<resort> ram(machine);
    ram->set_watermarks();
    const watermarks mirrored = ram->watermarks_of(in_normal);
    const watermarks movable = ram->watermarks_of({5 * gibibyte >> 12});
    CHECK(movable.min == 32);
    (void)take_all(ram, {.mirror = mirror::ordinary, .mobility = mobility::movable});
    CHECK(ram->free_frames() == mirrored.min + frames_of(64 * mebibyte) / 32 + movable.min);
    (void)take_all(ram, {.mirror = mirror::required});
    CHECK(ram->free_frames() == mirrored.min + movable.min);
}

TEST_CASE("wrong marks are refused and change nothing") {
    const booted<reliable> ram{desktop{}};
    REQUIRE(ram->set_watermarks(in_normal, {1, 2, 3}) == errc::ok);
    CHECK(ram->set_watermarks(in_normal, {3, 2, 3}) == errc::invalid);
    CHECK(ram->set_watermarks(in_normal, {1, 4, 3}) == errc::invalid);
    CHECK(ram->set_watermarks({0x200000}, {1, 2, 3}) == errc::not_owned);
    CHECK(ram->watermarks_of(in_normal) == watermarks{1, 2, 3});
    CHECK(ram->watermarks_of({0x200000}) == watermarks{});
    CHECK(ram->pressure_of({0x200000}) == memory_pressure::none);
}

}  // namespace
