// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/srat.hpp>

#include <cstddef>
#include <cstdint>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_srat;
using firmware_tests::byte_writer;
using firmware_tests::setup;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr bool reads_at_compile_time() {
    byte_writer bytes;
    bytes.srat()
        .memory_affinity(7, 0x1000, 0x1000)
        .local_apic(3)
        .memory_affinity(3, 0x4000, 0x1000, 3)
        .seal();
    setup s;
    return read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok && s.defects.empty() &&
           s.nodes.node_count() == 2 && s.nodes.domain(0) == 3 && s.nodes.cpus(0) == 1 &&
           s.holds({{0x1000, 0x2000, none, 0, 1}, {0x4000, 0x5000, none, attribute::hot_pluggable, 0}});
}
static_assert(reads_at_compile_time());

TEST_CASE("every kind of processor, and initiators without any") {
    byte_writer bytes;
    bytes.srat();
    bytes.local_apic(0x01020304);
    bytes.u8(2).u8(24).u16(0).u32(20).u32(5).u32(1).u32(0).u32(0);       // x2APIC
    bytes.u8(3).u8(18).u32(30).u32(0).u32(1).u32(0);                     // GICC
    bytes.u8(4).u8(12).u32(40).u16(0).u32(0);                            // ITS: no processor
    bytes.u8(5).u8(32).u8(0).u8(1).u32(50).u64(0).u64(0).u32(1).u32(0);  // generic initiator
    bytes.u8(7).u8(20).u16(0).u32(60).u32(0).u32(1).u32(0);              // RINTC
    bytes.u8(99).u8(7).zeros(5);                                         // a later standard's
    bytes.seal();
    setup s;
    CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.defects.empty());
    REQUIRE(s.nodes.node_count() == 5);
    const std::uint32_t domains[] = {0x01020304, 20, 30, 50, 60};
    for (ashlar::node_id node = 0; node < 5; ++node) {
        CHECK(s.nodes.domain(node) == domains[node]);
        CHECK(s.nodes.cpus(node) == (domains[node] == 50 ? 0 : 1));
    }
}

TEST_CASE("disabled structures are skipped") {
    byte_writer bytes;
    bytes.srat().local_apic(1, 0).memory_affinity(2, 0, 0, 0).memory_affinity(3, 0, 0x1000, 6).seal();
    setup s;
    CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(!s.nodes.has_domains());
    CHECK(s.map.entries().empty());
    CHECK(s.defects.empty());
}

TEST_CASE("trap: SRAT revision 1 has domains of 8 bits") {
    byte_writer bytes;
    bytes.srat(1).local_apic(0xffffff02).memory_affinity(0xabcdef02, 0, 0x1000).seal();
    setup s;
    CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.nodes.node_count() == 1);
    CHECK(s.nodes.domain(0) == 2);
}

TEST_CASE("reading it again changes nothing") {
    byte_writer bytes;
    bytes.srat().local_apic(1).memory_affinity(1, 0, 0x1000).seal();
    setup s;
    for (unsigned i = 0; i < 2; ++i) CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.nodes.cpus(0) == 1);
    CHECK(s.holds({{0, 0x1000, none, 0, 0}}));
    CHECK(s.defects.empty());
}

TEST_CASE("claims") {
    setup s;
    byte_writer bytes;
    bytes.srat();
    SUBCASE("of one node overlap") {
        bytes.memory_affinity(1, 0, 0x4000).memory_affinity(1, 0x2000, 0x4000).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x6000, none, 0, 0}}));
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::overlap));
    }
    SUBCASE("of two nodes conflict: the first wins") {
        bytes.memory_affinity(1, 0, 0x4000).memory_affinity(2, 0x2000, 0x4000).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x4000, none, 0, 0}, {0x4000, 0x6000, none, 0, 1}}));
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::node_conflict));
    }
    SUBCASE("of two nodes conflict: what is not hot-pluggable wins") {
        bytes.memory_affinity(1, 0, 0x4000, 3).memory_affinity(2, 0x1000, 0x1000, 1).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x1000, none, attribute::hot_pluggable, 0},
                       {0x1000, 0x2000, none, 0, 1},
                       {0x2000, 0x4000, none, attribute::hot_pluggable, 0}}));
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::node_conflict));
    }
    SUBCASE("of non-volatile memory") {
        bytes.memory_affinity(1, 0, 0x4000, 5).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x4000, none, attribute::non_volatile, 0}}));
    }
    SUBCASE("of nothing, or beyond the address space, are dropped") {
        bytes.memory_affinity(1, 0x1000, 0).memory_affinity(1, 0x1000, ~std::uint64_t{0}).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.map.entries().empty());
        CHECK(s.defects.count(defect_kind::zero_length) == 1);
        CHECK(s.defects.count(defect_kind::wrapped) == 1);
    }
}

TEST_CASE("a table that cannot be read to its end") {
    setup s;
    byte_writer bytes;
    bytes.srat().memory_affinity(1, 0, 0x1000);
    SUBCASE("a structure without length") {
        bytes.u8(1).u8(0).zeros(38).memory_affinity(2, 0x2000, 0x1000).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::bad_length));
    }
    SUBCASE("a structure of one byte's length") {
        bytes.u8(1).u8(1).zeros(38).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::bad_length));
    }
    SUBCASE("a structure beyond the end") {
        bytes.u8(1).u8(40).zeros(30).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::truncated));
    }
    SUBCASE("one byte too many") {
        bytes.u8(1).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::srat, 88, defect_kind::truncated));
    }
    SUBCASE("a structure that is too short for its type") {
        bytes.u8(1).u8(28).u32(2).zeros(22).u8(0).u8(8).zeros(6).seal();
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::bad_length) == 2);
    }
    SUBCASE("a wrong checksum is no more than a defect") {
        bytes.seal().set(9, 1);
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::srat, 9, defect_kind::bad_checksum));
    }
    SUBCASE("bytes behind the table are not its own") {
        bytes.seal().memory_affinity(2, 0x2000, 0x1000);
        CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
    }
    SUBCASE("the input ends before the table") {
        bytes.memory_affinity(2, 0x2000, 0x1000).seal();
        const ashlar::bytes cut = bytes.bytes().subview(0, bytes.size() - 1);
        CHECK(read_srat(cut, s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::truncated) == 2);
    }
    CHECK(s.nodes.node_count() == 1);
    CHECK(s.holds({{0, 0x1000, none, 0, 0}}));
}

TEST_CASE("no SRAT at all") {
    setup s;
    byte_writer bytes;
    SUBCASE("nothing") {}
    SUBCASE("another table") {
        bytes.acpi("SLIT", 1).zeros(12).seal();
    }
    SUBCASE("a header that says less than a header") {
        bytes.srat().seal().set(4, 20);
    }
    SUBCASE("no more than a header") {
        bytes.acpi("SRAT", 3).set(4, 200);
    }
    CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::invalid);
    CHECK(s.defects.size() == 1);
    CHECK(!s.nodes.has_domains());
    CHECK(s.map.entries().empty());
}

TEST_CASE("more domains than nodes can be") {
    byte_writer<8192> bytes;
    bytes.srat();
    for (std::uint32_t domain = 0; domain < ashlar::max_nodes + 2; ++domain) bytes.local_apic(domain);
    bytes.memory_affinity(1000, 0, 0x1000).seal();
    setup s;
    CHECK(read_srat(bytes.bytes(), s.map, s.nodes, s.defects) == errc::limit);
    CHECK(s.nodes.node_count() == ashlar::max_nodes);
    CHECK(s.defects.count(defect_kind::full) == 3);
    CHECK(s.map.entries().empty());
}

TEST_CASE("a map that is too small") {
    byte_writer bytes;
    bytes.srat().memory_affinity(1, 0, 0x1000).memory_affinity(2, 0x1000, 0x1000).seal();
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    setup s;
    CHECK(read_srat(bytes.bytes(), map, s.nodes, s.defects) == errc::limit);
    CHECK(s.only(ashlar::table::srat, 88, defect_kind::full));
    CHECK(s.nodes.node_count() == 2);
}

}  // namespace
