// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Zones that come and go after boot, and verbs on ranges.
#include "zone/machines.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace {

using namespace zone_tests;

using reliable = physical_memory<radix_zone, reliability_first>;

constexpr range<> late{{8 * frames_per_gibibyte}, 16384};

struct one_node : firmware {
    one_node() {
        ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 0);
        ram(6 * gibibyte, 6 * gibibyte + 64 * mebibyte, 1);
    }
};

TEST_CASE("a mirrored zone arrives, is on every node's list, and leaves") {
    const one_node machine;
    const booted<reliable> ram(machine);
    std::vector<std::byte> metadata(reliable::metadata_words(late));
    const zone_description what{late, late.count, 1, zone_kind::normal, true};
    CHECK(ram->attach({late, late.count, 9, zone_kind::normal, true}, {metadata.data(), metadata.size()},
                      start::fresh) == errc::invalid);
    CHECK(ram->attach(what, {metadata.data(), 64}, start::fresh) == errc::limit);
    REQUIRE(ram->attach(what, {metadata.data(), metadata.size()}, start::fresh) == errc::ok);
    CHECK(ram->attach(what, {metadata.data(), metadata.size()}, start::fresh) == errc::busy);
    CHECK(ram->has_mirror());
    CHECK(ram->allocate({.mirror = mirror::required}).error() == errc::exhausted);
    REQUIRE(ram->online(late) == errc::ok);
    for (node_id node = 0; node < 2; ++node) {
        const auto got = ram->allocate({.node = node, .mirror = mirror::required});
        REQUIRE(got.has_value());
        CHECK(late.contains(*got));
        CHECK(ram->free(*got, 0) == errc::ok);
    }
    REQUIRE(ram->isolate(late) == errc::ok);
    CHECK(ram->allocate({.mirror = mirror::required}).error() == errc::exhausted);
    REQUIRE(ram->offline(late) == errc::ok);
    CHECK(ram->detach({late.first, 5}) == errc::invalid);
    REQUIRE(ram->detach(late) == errc::ok);
    CHECK_FALSE(ram->has_mirror());
    CHECK(ram->online(late) == errc::not_owned);
    CHECK(ram->zone_count() == 2);
    CHECK(ram->allocate({.mirror = mirror::required}).has_value());
}

TEST_CASE("zones are attached as long as there is room for them; one too many changes nothing") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    std::vector<std::vector<std::byte>> metadata;
    errc answer = errc::ok;
    std::size_t zones = 1;
    for (std::uint64_t i = 0; i < 64 && answer == errc::ok; ++i) {
        const range<> piece{{(8 + i) * frames_per_gibibyte}, 1024};
        metadata.emplace_back(reliable::metadata_words(piece));
        answer = ram->attach({piece, piece.count, 0, zone_kind::normal, false},
                             {metadata.back().data(), metadata.back().size()}, start::fresh);
        if (answer != errc::ok) break;
        REQUIRE(ram->online(piece) == errc::ok);
        ++zones;
    }
    CHECK(answer == errc::limit);
    CHECK(zones == 9);  // of the boot, and machine_shape::spare_zones
    CHECK(ram->zone_count() == zones);
    CHECK(ram->free_frames() == 16384 + (zones - 1) * 1024);
    CHECK(ram->validate() == errc::ok);
    // In the place of one that leaves.
    const range<> first{{8 * frames_per_gibibyte}, 1024};
    REQUIRE(ram->isolate(first) == errc::ok);
    REQUIRE(ram->offline(first) == errc::ok);
    REQUIRE(ram->detach(first) == errc::ok);
    CHECK(ram->attach({first, first.count, 0, zone_kind::normal, true},
                      {metadata[0].data(), metadata[0].size()}, start::fresh) == errc::ok);
}

TEST_CASE("a zone that has no frames, or wraps, does not come; one whose words are damaged is found") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    const range<> piece{{8 * frames_per_gibibyte}, 1024};
    std::vector<std::byte> metadata(reliable::metadata_words(piece));
    const view<std::byte> bytes{metadata.data(), metadata.size()};
    CHECK(ram->attach({{piece.first, 0}, 0, 0, zone_kind::normal, false}, bytes, start::fresh) ==
          errc::invalid);
    CHECK(ram->attach({{piece.first, ~std::uint64_t{0}}, 1024, 0, zone_kind::normal, false}, bytes,
                      start::fresh) == errc::invalid);
    CHECK(ram->attach({piece, 1024, 0, zone_kind::normal, false}, bytes.subview(0, 64), start::fresh) ==
          errc::limit);
    CHECK(ram->attach({piece, 1024, 0, zone_kind::normal, false}, {}, start::fresh) == errc::limit);
    CHECK(ram->zone_count() == 1);
    REQUIRE(ram->attach({piece, 1024, 0, zone_kind::normal, false}, bytes, start::fresh) == errc::ok);
    REQUIRE(ram->online(piece) == errc::ok);
    REQUIRE(ram->validate() == errc::ok);
    const std::vector<std::byte> sound = metadata;
    for (std::byte& each : metadata) each = std::byte{0x5a};
    CHECK(ram->validate() != errc::ok);
    metadata = sound;
    CHECK(ram->validate() == errc::ok);
}

TEST_CASE("the only zone leaves and comes back as a mirrored one: it is no list's first choice any more") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    const range<> piece{{4 * frames_per_gibibyte}, 16384};
    REQUIRE(ram->isolate(piece) == errc::ok);
    REQUIRE(ram->offline(piece) == errc::ok);
    REQUIRE(ram->detach(piece) == errc::ok);
    CHECK(ram->allocate({}).error() == errc::exhausted);
    std::vector<std::byte> metadata(reliable::metadata_words(piece));
    REQUIRE(ram->attach({piece, piece.count, 0, zone_kind::normal, true}, {metadata.data(), metadata.size()},
                        start::fresh) == errc::ok);
    REQUIRE(ram->online(piece) == errc::ok);
    CHECK(ram->allocate({.mirror = mirror::ordinary}).error() == errc::exhausted);
    CHECK(ram->allocate({.mirror = mirror::preferred}).has_value());
}

TEST_CASE("a mirrored piece becomes ordinary: detached here, attached there") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0, true);
    machine.ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    const range<> piece{{4 * frames_per_gibibyte}, 16384};
    REQUIRE(ram->isolate(piece) == errc::ok);
    REQUIRE(ram->offline(piece) == errc::ok);
    REQUIRE(ram->detach(piece) == errc::ok);
    std::vector<std::byte> metadata(reliable::metadata_words(piece));
    REQUIRE(ram->attach(piece, {metadata.data(), metadata.size()}, start::fresh) == errc::ok);
    REQUIRE(ram->online(piece) == errc::ok);
    CHECK_FALSE(ram->zone_of(piece.first)->mirrored);
    CHECK(ram->free_frames() == 2 * 16384);
}

TEST_CASE("a range lies in one zone") {
    const one_node machine;
    const booted<reliable> ram(machine);
    const frame<> end{5 * frames_per_gibibyte + 16384};
    CHECK(ram->isolate({{end.number - 512}, 1024}) == errc::misaligned);
    CHECK(ram->offline({{1}, 10}) == errc::not_owned);
    CHECK(ram->online({{5}, 0}) == errc::invalid);
    CHECK(ram->revoke({{~std::uint64_t{0} - 1}, 5}).error() == errc::invalid);
    const auto left = ram->revoke({{end.number - 512}, 512});
    REQUIRE(left.has_value());
    CHECK(*left == 512);
    CHECK_FALSE(ram->owns({end.number - 1}));
    CHECK(ram->free({end.number - 1}, 0) == errc::revoked);
}

TEST_CASE("what a machine tells") {
    const one_node machine;
    const booted<reliable> ram(machine);
    std::vector<std::pair<std::string, std::uint64_t>> told;
    ram->describe([&](const char* name, std::uint64_t value) { told.emplace_back(name, value); });
    CHECK(told[0] == std::pair<std::string, std::uint64_t>{"zone", 0});
    CHECK(std::count(told.begin(), told.end(), std::pair<std::string, std::uint64_t>{"free_frames", 16384}) ==
          2);
    CHECK(std::count(told.begin(), told.end(),
                     std::pair<std::string, std::uint64_t>{"free_blocks_order_10", 16}) == 2);
}

}  // namespace
