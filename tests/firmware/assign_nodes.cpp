// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>

#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::errc;
using firmware_tests::setup;
using enum ashlar::memory_kind;

TEST_CASE("memory that no node claims is reported and goes to node 0") {
    setup s;
    REQUIRE(s.nodes.add(0).has_value());
    REQUIRE(s.nodes.add(1).has_value());
    CHECK(s.map.add(0x0, 0x8000, usable) == errc::ok);
    CHECK(s.map.add(0x8000, 0x9000, reserved) == errc::ok);
    CHECK(s.map.add(0x9000, 0xa000, acpi_reclaim) == errc::ok);
    CHECK(s.map.set_node(0x0, 0x1000, 0) == errc::ok);
    CHECK(s.map.set_node(0x2000, 0x4000, 1) == errc::ok);
    ashlar::assign_nodes(s.map, s.nodes, s.defects);
    CHECK(s.holds({{0x0, 0x2000, usable, 0, 0},
                   {0x2000, 0x4000, usable, 0, 1},
                   {0x4000, 0x8000, usable, 0, 0},
                   {0x8000, 0x9000, reserved, 0, any_node},
                   {0x9000, 0xa000, acpi_reclaim, 0, 0}}));
    REQUIRE(s.defects.size() == 2);
    CHECK(s.defects.count(ashlar::defect_kind::no_node) == 2);
    CHECK(s.defects[0].source == ashlar::table::map);
    CHECK(s.defects[0].first == 0x1000);
    CHECK(s.defects[0].last == 0x1fff);
    CHECK(s.defects[1].first == 0x4000);
}

TEST_CASE("a machine without nodes has one, and nothing is wrong with it") {
    setup s;
    CHECK(s.map.add(0x0, 0x8000, usable) == errc::ok);
    ashlar::assign_nodes(s.map, s.nodes, s.defects);
    CHECK(s.holds({{0x0, 0x8000, usable, 0, 0}}));
    CHECK(s.defects.empty());
}

TEST_CASE("it works in a full map") {
    ashlar::memory_entry entries[3];
    ashlar::memory_map map{entries};
    const ashlar::topology nodes;
    ashlar::defects none;
    CHECK(map.add(0x0, 0x1000, usable) == errc::ok);
    CHECK(map.mirror(0x1000, 0x2000) == errc::ok);
    CHECK(map.add(0x1000, 0x3000, usable) == errc::ok);
    ashlar::assign_nodes(map, nodes, none);
    for (const ashlar::memory_entry& entry : map.entries()) CHECK(entry.node == 0);
    CHECK(map.entries().size() == 3);
}

}  // namespace
