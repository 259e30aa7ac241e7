// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/cedt.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::node_id;
using ashlar::read_cedt;
using firmware_tests::byte_writer;
using firmware_tests::setup;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr std::uint8_t hot = attribute::hot_pluggable;
constexpr std::uint64_t unit = std::uint64_t{256} << 20;

constexpr bool reads_at_compile_time() {
    byte_writer bytes;
    bytes.cedt().host_bridge(0x10000, 0x2000).window(4 * unit, 2 * unit).seal();
    setup s;
    (void)s.nodes.add(3);
    return read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok && s.defects.empty() &&
           s.nodes.node_count() == 2 &&
           s.holds({{0x10000, 0x12000, reserved}, {4 * unit, 6 * unit, none, hot, 1}});
}
static_assert(reads_at_compile_time());

TEST_CASE("a window of which nobody claims a byte") {
    setup s;
    byte_writer bytes;
    bytes.cedt().window(4 * unit, unit).window(8 * unit, unit).seal();
    SUBCASE("gets a node of its own, of a domain that no table names") {
        REQUIRE(s.nodes.add(0xffffffff).has_value());
        REQUIRE(s.nodes.add(0xfffffffd).has_value());
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.nodes.node_count() == 4);
        CHECK(s.nodes.domain(2) == 0xfffffffe);
        CHECK(s.nodes.domain(3) == 0xfffffffc);
        CHECK(s.holds({{4 * unit, 5 * unit, none, hot, 2}, {8 * unit, 9 * unit, none, hot, 3}}));
    }
    SUBCASE("is node 0's on a machine without domains") {
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(!s.nodes.has_domains());
        CHECK(s.holds({{4 * unit, 5 * unit, none, hot, 0}, {8 * unit, 9 * unit, none, hot, 0}}));
    }
    CHECK(s.defects.empty());
}

TEST_CASE("what the SRAT claims of a window stays, the rest goes to the claim behind it") {
    setup s;
    for (const std::uint32_t domain : {0u, 1u, 2u}) REQUIRE(s.nodes.add(domain).has_value());
    REQUIRE(s.map.set_node(0, 5 * unit, 0) == errc::ok);  // reaches into the window
    REQUIRE(s.map.set_node(6 * unit, 7 * unit, 1) == errc::ok);
    REQUIRE(s.map.set_node(8 * unit, 9 * unit, 2, true) == errc::ok);
    byte_writer bytes;
    bytes.cedt().window(4 * unit, 8 * unit).seal();
    for (unsigned pass = 0; pass < 2; ++pass) {  // again changes nothing
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 5 * unit, none, 0, 0},
                       {5 * unit, 6 * unit, none, hot, 1},
                       {6 * unit, 7 * unit, none, 0, 1},
                       {7 * unit, 12 * unit, none, hot, 2}}));
        CHECK(s.nodes.node_count() == 3);
        CHECK(s.defects.empty());
    }
}

TEST_CASE("a claim that covers the window, or touches it") {
    setup s;
    REQUIRE(s.nodes.add(0).has_value());
    byte_writer bytes;
    bytes.cedt().window(4 * unit, unit).seal();
    SUBCASE("covers it") {
        REQUIRE(s.map.set_node(0, 8 * unit, 0) == errc::ok);
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 8 * unit, none, 0, 0}}));
        CHECK(s.nodes.node_count() == 1);
    }
    SUBCASE("touches it: that is no claim of it") {
        REQUIRE(s.map.set_node(0, 4 * unit, 0) == errc::ok);
        REQUIRE(s.map.set_node(5 * unit, 6 * unit, 0) == errc::ok);
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 4 * unit, none, 0, 0},
                       {4 * unit, 5 * unit, none, hot, 1},
                       {5 * unit, 6 * unit, none, 0, 0}}));
    }
    CHECK(s.defects.empty());
}

TEST_CASE("a window makes no memory and takes none away") {
    setup s;
    REQUIRE(s.nodes.add(0).has_value());
    REQUIRE(s.map.set_node(0, unit, 0) == errc::ok);
    REQUIRE(s.map.add(0, unit, usable) == errc::ok);
    REQUIRE(s.map.add(5 * unit, 6 * unit, usable) == errc::ok);
    REQUIRE(s.map.add(6 * unit, 7 * unit, special_purpose) == errc::ok);
    byte_writer bytes;
    bytes.cedt().window(4 * unit, 4 * unit).seal();
    CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.holds({{0, unit, usable, 0, 0},
                   {4 * unit, 5 * unit, none, hot, 1},
                   {5 * unit, 6 * unit, usable, hot, 1},
                   {6 * unit, 7 * unit, special_purpose, hot, 1},
                   {7 * unit, 8 * unit, none, hot, 1}}));
    CHECK(s.map.usable_frames() == 2 * unit >> 12);
    ashlar::assign_nodes(s.map, s.nodes, s.defects);
    CHECK(s.defects.empty());
}

TEST_CASE("a window for persistent memory only is non-volatile") {
    for (const unsigned restrictions : {0x8u, 0x4u, 0xcu, 0x0u, 0x1au}) {
        CAPTURE(restrictions);
        byte_writer bytes;
        bytes.cedt().window(0, unit, restrictions).seal();
        setup s;
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        const bool durable = (restrictions & 0xc) == 0x8;
        const auto attributes = static_cast<std::uint8_t>(durable ? hot | attribute::non_volatile : hot);
        CHECK(s.holds({{0, unit, none, attributes, 0}}));
    }
}

TEST_CASE("ways of interleaving") {
    struct {
        unsigned code;
        std::size_t ways;
    } const codes[] = {{0, 1}, {1, 2}, {2, 4}, {3, 8}, {4, 16}, {8, 3}, {9, 6}, {10, 12}};
    for (const auto& one : codes) {
        CAPTURE(one.code);
        for (const std::size_t targets : {one.ways - 1, one.ways, one.ways + 1}) {
            byte_writer bytes;
            bytes.cedt().window(0, unit, 4, one.code, targets).seal();
            setup s;
            CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
            if (targets < one.ways) {
                CHECK(s.only(ashlar::table::cedt, 36, defect_kind::bad_length));
                CHECK(s.map.entries().empty());
            } else {
                CHECK(s.holds({{0, unit, none, hot, 0}}));
                CHECK(s.defects.empty());
            }
        }
    }
    for (const unsigned code : {5u, 6u, 7u, 11u, 255u}) {
        byte_writer bytes;
        bytes.cedt().window(0, unit, 4, code, 16).seal();
        setup s;
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::cedt, 36, defect_kind::bad_value));
        CHECK(s.map.entries().empty());
    }
}

TEST_CASE("windows that make no sense are not used") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    struct {
        std::uint64_t base;
        std::uint64_t size;
        defect_kind kind;
    } const windows[] = {
        {unit, 0, defect_kind::zero_length},
        {unit + 0x1000, 0, defect_kind::zero_length},
        {unit / 2, unit, defect_kind::misaligned},
        {unit, unit + 0x1000, defect_kind::misaligned},
        {unit + 1, unit - 1, defect_kind::misaligned},
        {unit, top, defect_kind::wrapped},
        {top - unit + 1, 2 * unit, defect_kind::wrapped},
    };
    for (const auto& one : windows) {
        CAPTURE(one.base);
        byte_writer bytes;
        bytes.cedt().window(one.base, one.size).seal();
        setup s;
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::cedt, 36, one.kind));
        CHECK(s.map.entries().empty());
    }
}

TEST_CASE("a window up to the end of the address space") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    byte_writer bytes;
    bytes.cedt().window(top - unit + 1, unit).seal();
    setup s;
    CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.holds({{top - unit + 1, top, none, hot, 0}}));
    CHECK(s.defects.empty());
}

TEST_CASE("overlaps are reported") {
    setup s;
    byte_writer bytes;
    bytes.cedt().window(4 * unit, 2 * unit);
    SUBCASE("of windows: the first one's claim stays") {
        REQUIRE(s.nodes.add(0).has_value());
        bytes.window(5 * unit, 2 * unit).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{4 * unit, 7 * unit, none, hot, 1}}));
    }
    SUBCASE("of windows that are claimed anyway") {
        REQUIRE(s.nodes.add(0).has_value());
        REQUIRE(s.map.set_node(0, 8 * unit, 0) == errc::ok);
        bytes.window(4 * unit, 2 * unit).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 8 * unit, none, 0, 0}}));
    }
    SUBCASE("of registers with a window: nothing can be there") {
        bytes.host_bridge(5 * unit, 0x1000).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{4 * unit, 5 * unit, none, hot, 0},
                       {5 * unit, 5 * unit + 0x1000, reserved, hot, 0},
                       {5 * unit + 0x1000, 6 * unit, none, hot, 0}}));
    }
    CHECK(s.only(ashlar::table::cedt, 76, defect_kind::overlap));
}

TEST_CASE("a table that cannot be read to its end") {
    setup s;
    byte_writer bytes;
    bytes.cedt().window(unit, unit);
    SUBCASE("other structures are skipped") {
        bytes.u8(2).u8(0).u16(16).zeros(12).u8(3).u8(0).u16(16).zeros(12).u8(200).u8(0).u16(4).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
    }
    SUBCASE("a host bridge that is too short") {
        bytes.u8(0).u8(0).u16(31).zeros(27).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::cedt, 76, defect_kind::bad_length));
    }
    SUBCASE("a window that is too short") {
        bytes.u8(1).u8(0).u16(35).zeros(31).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::cedt, 76, defect_kind::bad_length));
    }
    SUBCASE("a structure without length") {
        bytes.u8(1).u8(0).u16(0).window(4 * unit, unit).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::cedt, 76, defect_kind::bad_length));
    }
    SUBCASE("a structure beyond the end") {
        bytes.u8(1).u8(0).u16(40).zeros(35).seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::cedt, 76, defect_kind::truncated));
    }
    CHECK(s.holds({{unit, 2 * unit, none, hot, 0}}));
}

TEST_CASE("no CEDT at all, and an empty one") {
    setup s;
    byte_writer bytes;
    SUBCASE("nothing") {
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::invalid);
        CHECK(s.defects.size() == 1);
    }
    SUBCASE("another table") {
        bytes.srat().seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::invalid);
        CHECK(s.only(ashlar::table::cedt, 0, defect_kind::bad_signature));
    }
    SUBCASE("empty") {
        bytes.cedt().seal();
        CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
    }
    CHECK(s.map.entries().empty());
}

TEST_CASE("more windows than nodes can be") {
    byte_writer bytes;
    bytes.cedt().window(4 * unit, unit).window(8 * unit, unit).seal();
    setup s;
    for (std::uint32_t domain = 0; domain + 1 < ashlar::max_nodes; ++domain) {
        REQUIRE(s.nodes.add(domain).has_value());
    }
    CHECK(read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::limit);
    CHECK(s.only(ashlar::table::cedt, 76, defect_kind::full));
    CHECK(s.holds({{4 * unit, 5 * unit, none, hot, static_cast<node_id>(ashlar::max_nodes - 1)}}));
}

TEST_CASE("a map that is too small gains nothing") {
    byte_writer bytes;
    bytes.cedt().window(4 * unit, unit).host_bridge(0x8000, 0x1000).seal();
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    REQUIRE(map.add(0, 0x10000, usable) == errc::ok);
    setup s;
    CHECK(read_cedt(bytes.bytes(), map, s.nodes, s.defects) == errc::limit);
    CHECK(s.defects.count(defect_kind::full) >= 1);
    CHECK(firmware_tests::well_formed(map));
    CHECK(map.usable_frames() == 0);  // the registers took the only entry with them
    CHECK(map.entries()[0].node == any_node);
}

}  // namespace
