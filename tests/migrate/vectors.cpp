// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vectors of memory migration under an operating system that does not know (US9600202).
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

/// With the default table.
using machine_rig =
    rig<trap_and_retry, array_platform<>, cpu_part_copy<array_platform<>>, shipped_table<remap_table<>>>;

std::byte read_byte(machine_rig& r, std::uint64_t address) {
    std::byte got{};
    REQUIRE(r.access.read(address, {&got, 1}) == errc::ok);
    return got;
}

TEST_CASE("64 MiB with 4 MiB of spares at the top") {
    machine_rig r;
    CHECK(r.told.usable_frames() == 15'360);
    CHECK(r.spares.usable_frames() == 1'024);
    CHECK(r.pool.free_frames() == 1'024);

    REQUIRE(r.mover.migrate(frame<os>{0x00800000 >> 12}) == errc::ok);
    CHECK(r.table.find({0x800})->number == 0x03c00000 >> 12);
    CHECK(r.mover.report().move == frame_move{{{0x800}, 1}, {0x3c00}});

    // Where each byte is: written past the table, read through it.
    const std::uint64_t spare = 0x03c00000;
    r.memory[0x007fffff] = std::byte{1};
    r.memory[spare] = std::byte{2};
    r.memory[spare + 0xfff] = std::byte{3};
    r.memory[0x00801000] = std::byte{4};
    r.memory[0x00800000] = r.memory[0x00800fff] = std::byte{0xff};
    CHECK(read_byte(r, 0x007fffff) == std::byte{1});  // misses
    CHECK(read_byte(r, 0x00800000) == std::byte{2});  // hits, +0
    CHECK(read_byte(r, 0x00800fff) == std::byte{3});  // hits, +0xfff
    CHECK(read_byte(r, 0x00801000) == std::byte{4});  // misses

    std::byte one{7};
    CHECK(r.access.read(spare, {&one, 1}) == errc::not_owned);
    CHECK(r.access.write(spare, {&one, 1}) == errc::not_owned);
    CHECK(r.access.read(0x03ffffff, {&one, 1}) == errc::not_owned);
    CHECK(r.memory[spare] == std::byte{2});
    CHECK(!r.mover.admits({0x3c00}));
    CHECK(!r.mover.admits({0x3fff}));
    CHECK(r.mover.admits({0x3bff}));
    CHECK(r.mover.admits({0x4000}));
    CHECK(r.mover.migrate(frame<os>{0x3c01}) == errc::not_owned);
}

TEST_CASE("the 1,025th migration says that the spares are out") {
    machine_rig r;
    for (std::uint64_t i = 0; i < 1'024; ++i) {
        REQUIRE(r.mover.migrate(frame<os>{i + 1}) == errc::ok);
        // The lowest spare first.
        REQUIRE(r.table.find({i + 1})->number == 0x3c00 + i);
    }
    const auto before = r.take();
    CHECK(r.mover.migrate(frame<os>{1'025}) == errc::exhausted);
    CHECK(r.mover.report().obstacle == move_obstacle::spares_exhausted);
    CHECK(r.take() == before);
    CHECK(r.mover.state_of({1'025}) == origin_state::direct);
    CHECK(r.devices.open == 0);
}

TEST_CASE("four nodes: the origin's node until its spares are out, then the nearest one") {
    machine_rig r({.nodes = 4, .spares = {.ordinary = 8, .mirrored = 0}});
    // 16 MiB a node; the spares of node 2 are the last frames below 48 MiB.
    std::uint64_t origin = 0x2000;
    const auto node_of_next = [&] {
        REQUIRE(r.mover.migrate(frame<os>{++origin}) == errc::ok);
        CHECK(!r.mover.report().fallback);
        return r.pool.zone_of(*r.table.find({origin}))->node;
    };
    for (const int node : {2, 1, 3, 0}) {  // by distance from node 2
        for (int i = 0; i < 8; ++i) CHECK(node_of_next() == node);
    }
    CHECK(r.mover.migrate(frame<os>{origin + 1}) == errc::exhausted);
}

TEST_CASE("a mirrored origin gets a mirrored spare first, a fallback is flagged") {
    machine_rig r({.nodes = 2, .mirrored_bytes = 8 * mebibyte, .spares = {.ordinary = 4, .mirrored = 2}});
    for (std::uint64_t i = 0; i < 8; ++i) {
        REQUIRE(r.mover.migrate(frame<os>{0x10 + i}) == errc::ok);
        const bool mirrored = r.pool.zone_of(*r.table.find({0x10 + i}))->mirrored;
        CHECK(mirrored == (i < 4));  // two of its own node, two of the other one
        CHECK(r.mover.report().fallback == !mirrored);
    }
    // An ordinary origin gets an ordinary spare, or none.
    for (std::uint64_t i = 0; i < 4; ++i) {
        REQUIRE(r.mover.migrate(frame<os>{0xa00 + i}) == errc::ok);
        CHECK(!r.pool.zone_of(*r.table.find({0xa00 + i}))->mirrored);
    }
    CHECK(r.pool.free_frames() == 0);
    REQUIRE(r.mover.restore(frame<os>{0x10}) == errc::ok);
    CHECK(r.pool.free_frames() == 1);
    CHECK(r.mover.migrate(frame<os>{0xa10}) == errc::exhausted);
    CHECK(r.mover.migrate(frame<os>{0x11}) == errc::ok);
}

}  // namespace
