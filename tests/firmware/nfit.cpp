// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/nfit.hpp>

#include <cstddef>
#include <cstdint>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_nfit;
using firmware_tests::byte_writer;
using firmware_tests::control_range;
using firmware_tests::persistent_disk;
using firmware_tests::persistent_range;
using firmware_tests::range_guid;
using firmware_tests::setup;
using firmware_tests::volatile_disk;
using firmware_tests::volatile_range;
using enum ashlar::memory_kind;

constexpr range_guid block_window{0x91af0530, 0x5d86, 0x470e, 0xa6b00a2db9408249};
constexpr range_guid volatile_cd{0x3d5abd30, 0x4175, 0x87ce, 0x6d64d2ade523c4bb};
constexpr range_guid persistent_cd{0x08018188, 0x42cd, 0xbb48, 0x100f5387d53ded3d};
constexpr range_guid unheard_of{0x12345678, 0x1234, 0x1234, 0x1234567812345678};

constexpr bool reads_at_compile_time() {
    byte_writer bytes;
    bytes.nfit().nfit_range(persistent_range, 0x10000, 0x1000, 7).seal();
    setup s;
    (void)s.nodes.add(3);
    (void)s.nodes.add(7);
    return read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok && s.defects.empty() &&
           s.holds({{0x10000, 0x11000, persistent, 0, 1}});
}
static_assert(reads_at_compile_time());

TEST_CASE("the kind of a range is that of its GUID") {
    struct {
        range_guid type;
        ashlar::memory_kind kind;
    } const types[] = {{persistent_range, persistent}, {control_range, reserved},
                       {block_window, reserved},       {volatile_disk, reserved},
                       {volatile_cd, reserved},        {persistent_disk, persistent},
                       {persistent_cd, persistent},    {volatile_range, none}};
    for (const auto& one : types) {
        CAPTURE(one.type.first);
        byte_writer bytes;
        bytes.nfit().nfit_range(one.type, 0x10000, 0x1000, 5).seal();
        setup s;
        REQUIRE(s.nodes.add(5).has_value());
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0x10000, 0x11000, one.kind, 0, 0}}));
        CHECK(s.defects.empty());
    }
}

TEST_CASE("a type that is not known is reserved") {
    byte_writer bytes;
    bytes.nfit().nfit_range(unheard_of, 0x10000, 0x1000).seal();
    setup s;
    CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.holds({{0x10000, 0x11000, reserved}}));
    CHECK(s.only(ashlar::table::nfit, 40, defect_kind::unknown_kind));
}

TEST_CASE("ordinary memory stays what the memory map says, and gets the node") {
    byte_writer bytes;
    bytes.nfit().nfit_range(volatile_range, 0, 0x4000, 9).seal();
    setup s;
    REQUIRE(s.nodes.add(9).has_value());
    REQUIRE(s.map.add(0x1000, 0x3000, usable) == errc::ok);
    CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x1000, none, 0, 0}, {0x1000, 0x3000, usable, 0, 0}, {0x3000, 0x4000, none, 0, 0}}));
}

TEST_CASE("domains") {
    setup s;
    byte_writer bytes;
    SUBCASE("that are not valid are not looked at") {
        REQUIRE(s.nodes.add(0).has_value());
        bytes.nfit().nfit_range(persistent_range, 0x10000, 0x1000, 0, 1).seal();
        bytes.nfit_range(volatile_range, 0x20000, 0x1000, 0, 0).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
    }
    SUBCASE("without a node are reported, and the range is kept") {
        REQUIRE(s.nodes.add(0).has_value());
        bytes.nfit().nfit_range(persistent_range, 0x10000, 0x1000, 4).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 40, defect_kind::unknown_domain));
        CHECK(s.nodes.node_count() == 1);
    }
    SUBCASE("are not looked at where nobody has any") {
        bytes.nfit().nfit_range(persistent_range, 0x10000, 0x1000, 4).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(!s.nodes.has_domains());
    }
    CHECK(s.holds({{0x10000, 0x11000, persistent, 0, any_node}}));
}

TEST_CASE("a claim against another node's is reported, the first stays") {
    setup s;
    REQUIRE(s.nodes.add(0).has_value());
    REQUIRE(s.nodes.add(1).has_value());
    REQUIRE(s.map.set_node(0, 0x8000, 0) == errc::ok);
    byte_writer bytes;
    bytes.nfit().nfit_range(persistent_range, 0x4000, 0x8000, 1).seal();
    CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.holds(
        {{0, 0x4000, none, 0, 0}, {0x4000, 0x8000, persistent, 0, 0}, {0x8000, 0xc000, persistent, 0, 1}}));
    CHECK(s.only(ashlar::table::nfit, 40, defect_kind::node_conflict));
}

TEST_CASE("ranges that make no sense") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    setup s;
    REQUIRE(s.nodes.add(0).has_value());
    REQUIRE(s.map.add(0, 0x100000, usable) == errc::ok);
    byte_writer bytes;
    bytes.nfit();
    SUBCASE("empty") {
        bytes.nfit_range(persistent_range, 0x8000, 0).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 40, defect_kind::zero_length));
        CHECK(s.holds({{0, 0x100000, usable}}));
    }
    SUBCASE("beyond the address space: what takes memory away reaches to its end") {
        bytes.nfit_range(persistent_range, 0x80000, top).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 40, defect_kind::wrapped));
        CHECK(s.holds({{0, 0x80000, usable}, {0x80000, top, persistent, 0, 0}}));
    }
    SUBCASE("beyond the address space: what does not is dropped") {
        bytes.nfit_range(volatile_range, 0x80000, top).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 40, defect_kind::wrapped));
        CHECK(s.holds({{0, 0x100000, usable}}));
    }
    SUBCASE("overlapping") {
        bytes.nfit_range(persistent_range, 0x200000, 0x2000).nfit_range(control_range, 0x201000, 0x2000);
        bytes.seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 96, defect_kind::overlap));
        CHECK(s.holds({{0, 0x100000, usable},
                       {0x200000, 0x201000, persistent, 0, 0},
                       {0x201000, 0x203000, reserved, 0, 0}}));
    }
    SUBCASE("not whole pages: no page that they touch is handed out") {
        bytes.nfit_range(persistent_range, 0x8800, 0x1000).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(s.map.usable_frames() == 0x100 - 2);
    }
}

TEST_CASE("a table that cannot be read to its end") {
    setup s;
    byte_writer bytes;
    bytes.nfit().nfit_range(persistent_range, 0x10000, 0x1000);
    SUBCASE("other structures are skipped") {
        bytes.u16(1).u16(48).zeros(44).u16(4).u16(80).zeros(76).u16(99).u16(5).u8(0).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
    }
    SUBCASE("a range with a cookie, of 64 bytes") {
        bytes.u16(0).u16(64).zeros(60).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::zero_length) == 1);
    }
    SUBCASE("a range that is too short") {
        bytes.u16(0).u16(55).zeros(51).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 96, defect_kind::bad_length));
    }
    SUBCASE("a structure without length") {
        bytes.u16(0).u16(3).zeros(52).nfit_range(persistent_range, 0x20000, 0x1000).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 96, defect_kind::bad_length));
    }
    SUBCASE("a structure beyond the end") {
        bytes.u16(0).u16(56).zeros(51).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 96, defect_kind::truncated));
    }
    SUBCASE("three bytes too many") {
        bytes.u8(0).u8(0).u8(4).seal();
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 96, defect_kind::truncated));
    }
    SUBCASE("a wrong checksum is no more than a defect") {
        bytes.seal().set(9, 1);
        CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::nfit, 9, defect_kind::bad_checksum));
    }
    CHECK(s.holds({{0x10000, 0x11000, persistent}}));
}

TEST_CASE("no NFIT at all") {
    setup s;
    byte_writer bytes;
    SUBCASE("nothing") {}
    SUBCASE("another table") {
        bytes.srat().seal();
    }
    SUBCASE("no more than a header") {
        bytes.acpi("NFIT", 1).seal();
    }
    CHECK(read_nfit(bytes.bytes(), s.map, s.nodes, s.defects) == errc::invalid);
    CHECK(s.defects.size() == 1);
    CHECK(s.map.entries().empty());
}

TEST_CASE("a map that is too small gains nothing") {
    byte_writer bytes;
    bytes.nfit().nfit_range(persistent_range, 0x4000, 0x1000).nfit_range(persistent_range, 0x8000, 0x1000);
    bytes.seal();
    ashlar::memory_entry entries[2];
    ashlar::memory_map map{entries};
    REQUIRE(map.add(0, 0x10000, usable) == errc::ok);
    setup s;
    CHECK(read_nfit(bytes.bytes(), map, s.nodes, s.defects) == errc::limit);
    CHECK(s.defects.count(defect_kind::full) == 1);
    CHECK(firmware_tests::kind_at(map, 0x4000) == persistent);
    CHECK(firmware_tests::kind_at(map, 0x8000) == persistent);
}

}  // namespace
