// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// V5, V6 and the rule by which zones are cut.
#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

std::vector<zone_description> cut(const firmware& machine, zone_rules rules = {}) {
    std::vector<zone_description> zones(16);
    const auto count = plan_zones(machine.map, rules, {zones.data(), zones.size()});
    REQUIRE(count.has_value());
    zones.resize(*count);
    return zones;
}

TEST_CASE("V5: mirrored ends cut a range in four") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 129536 * mebibyte, 0);
    REQUIRE(machine.map.mirror(4 * gibibyte, 6 * gibibyte) == errc::ok);
    REQUIRE(machine.map.mirror(0x10a0000000, 0x10a0000000 + 2 * gibibyte) == errc::ok);
    const auto zones = cut(machine);
    REQUIRE(zones.size() == 4);
    const std::uint64_t sizes[] = {2048, 61952, 2048, 63488};
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(zones[i].span.count == sizes[i] * (mebibyte >> 12));
        CHECK(zones[i].present_frames == zones[i].span.count);
        CHECK(zones[i].mirrored == (i % 2 == 0));
        CHECK(zones[i].kind == (i % 2 == 0 ? zone_kind::normal : zone_kind::movable));
    }
}

TEST_CASE("V6: holes stay holes") {
    firmware machine;
    machine.ram(0x1000, 0x9f000, 0);
    machine.ram(0x100000, 0xbffdf000, 0);
    machine.ram(0x100000000, 0x1c0000000, 0);
    std::uint64_t present = 0;
    const auto zones = cut(machine);
    for (const auto& zone : zones) present += zone.present_frames;
    CHECK(present == 1572733);
    CHECK(zones.back().span.end().number - zones.front().span.first.number == 1835007);
    REQUIRE(zones.size() == 3);
    CHECK(zones[0].span == range<>{{1}, 4095});
    CHECK(zones[0].present_frames == 158 + 3840);
    CHECK(zones[0].kind == zone_kind::dma);
    CHECK(zones[1].kind == zone_kind::dma32);
    CHECK(zones[2].kind == zone_kind::normal);

    // One kind for all: one zone with the holes inside.
    const auto one = cut(machine, {.dma_end = 0, .dma32_end = 0, .zone_gap = 2 * gibibyte});
    REQUIRE(one.size() == 1);
    CHECK(one[0].span.count == 1835007);
    CHECK(one[0].present_frames == 1572733);
}

TEST_CASE("a hole of exactly the gap begins a new zone, a smaller one does not") {
    for (const std::uint64_t hole : {gibibyte - 4096, gibibyte}) {
        firmware machine;
        machine.ram(8 * gibibyte, 9 * gibibyte, 0);
        machine.ram(9 * gibibyte + hole, 12 * gibibyte, 0);
        CHECK(cut(machine).size() == (hole == gibibyte ? 2U : 1U));
    }
}

TEST_CASE("nodes cut, and memory that no node claims is node 0's") {
    firmware machine;
    machine.ram(8 * gibibyte, 9 * gibibyte, 0);
    machine.ram(9 * gibibyte, 10 * gibibyte, 1);
    REQUIRE(machine.map.add(10 * gibibyte, 11 * gibibyte, memory_kind::usable) == errc::ok);
    const auto zones = cut(machine);
    REQUIRE(zones.size() == 3);
    CHECK(zones[1].node == 1);
    CHECK(zones[2].node == 0);
}

TEST_CASE("excluded frames beside a zone are in its span: they may come back") {
    firmware machine;
    machine.ram(0x100000, 64 * mebibyte, 0);
    const auto exclude = [&](std::uint64_t first, std::uint64_t count) {
        REQUIRE(machine.map.exclude({{first}, count}) == errc::ok);
    };
    exclude(0x100, 0x400);   // at the beginning
    exclude(0xf80, 0x123);   // across the limit of the kinds
    exclude(0x3fff, 1);      // at the end
    exclude(0x5000, 0x100);  // where there is no memory
    const auto zones = cut(machine);
    REQUIRE(zones.size() == 2);
    CHECK(zones[0].span == range<>::between({0x100}, {0x1000}));
    CHECK(zones[0].present_frames == 0xa80);
    CHECK(zones[1].span == range<>::between({0x1000}, {0x4000}));
    CHECK(zones[1].present_frames == 0x3fff - 0x10a3);
}

TEST_CASE("excluded frames go to a zone of their own node and reliability, or to none") {
    firmware machine;
    machine.ram(8 * gibibyte, 9 * gibibyte, 0, true);
    machine.ram(9 * gibibyte, 10 * gibibyte, 0);
    machine.ram(10 * gibibyte, 11 * gibibyte, 1);
    const std::uint64_t nine = 9 * frames_per_gibibyte;
    REQUIRE(machine.map.exclude({{nine - 8}, 16}) == errc::ok);
    // All of a node: there is nothing to come back to.
    REQUIRE(machine.map.exclude({{nine + frames_per_gibibyte}, frames_per_gibibyte}) == errc::ok);
    const auto zones = cut(machine);
    REQUIRE(zones.size() == 2);
    CHECK(zones[0].span.end().number == nine);
    CHECK(zones[0].present_frames == frames_per_gibibyte - 8);
    CHECK(zones[1].span == range<>{{nine}, frames_per_gibibyte});
    CHECK(zones[1].present_frames == frames_per_gibibyte - 8);
}

TEST_CASE("half a frame excluded and half reserved parts nothing; one frame of another node does") {
    firmware machine;
    machine.ram(8 * gibibyte, 9 * gibibyte, 0);
    const std::uint64_t at = 8 * gibibyte + 64 * mebibyte;
    REQUIRE(machine.map.exclude_bytes(at - 0x10800, at - 0x800) == errc::ok);
    CHECK(cut(machine).size() == 1);
    firmware other;
    other.ram(8 * gibibyte, 8 * gibibyte + 0x1000, 1);
    other.ram(8 * gibibyte + 0x1000, 8 * gibibyte + 0x2000, 0);
    other.ram(8 * gibibyte + 0x2000, 9 * gibibyte, 1);
    REQUIRE(other.map.exclude({{8 * frames_per_gibibyte}, 1}) == errc::ok);
    const auto zones = cut(other);
    REQUIRE(zones.size() == 2);
    CHECK(zones[0].span == range<>{{8 * frames_per_gibibyte + 1}, 1});
    CHECK(zones[1].span.first.number == 8 * frames_per_gibibyte + 2);
}

TEST_CASE("too many zones are refused, not forgotten") {
    firmware machine;
    machine.ram(8 * gibibyte, 9 * gibibyte, 0);
    machine.ram(9 * gibibyte, 10 * gibibyte, 1);
    zone_description one[1];
    CHECK(plan_zones(machine.map, {}, one).error() == errc::limit);
}

}  // namespace
