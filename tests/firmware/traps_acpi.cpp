// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/cedt.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/hmat.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/nfit.hpp>
#include <ashlar/firmware/pvh.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "firmware/byte_writer.hpp"
#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// Traps of the tables that tell of memory beside the memory map: NFIT, CEDT, HMAT, and of sysfs.
namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::memory_entry;
using firmware_tests::byte_writer;
using firmware_tests::dump;
using firmware_tests::kind_at;
using firmware_tests::persistent_range;
using firmware_tests::setup;
using firmware_tests::text;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr std::uint64_t cacheable = 0xf;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

memory_entry entry_at(const setup& s, std::uint64_t address) {
    memory_entry found;
    (void)s.map.any_of(address, address + 1, [&](const memory_entry& entry) {
        found = entry;
        return true;
    });
    return found;
}

TEST_CASE("trap: an NVDIMM is in no memory map, and lies in a hot-plug window") {
    setup s;
    REQUIRE(ashlar::read_pvh_map(dump("pvh-q35-1G-nvdimm.bin").bytes(), s.map, s.defects) == errc::ok);
    constexpr std::uint64_t nvdimm = 4 * gibibyte;
    CHECK(kind_at(s.map, nvdimm) == none);
    const std::uint64_t frames = s.map.usable_frames();
    REQUIRE(ashlar::read_srat(dump("acpi-nvdimm-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(entry_at(s, nvdimm).has(attribute::non_volatile));
    REQUIRE(ashlar::read_nfit(dump("acpi-nvdimm-NFIT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(entry_at(s, nvdimm) ==
          memory_entry{nvdimm, nvdimm + 256 * mebibyte, persistent, attribute::non_volatile, 0});
    // The rest of the window is one.
    CHECK(kind_at(s.map, nvdimm + 256 * mebibyte) == none);
    CHECK(entry_at(s, nvdimm + 256 * mebibyte).has(attribute::hot_pluggable));
    CHECK(s.map.usable_frames() == frames);
}

TEST_CASE("trap: a memory map calls an NVDIMM RAM") {
    for (const bool map_first : {true, false}) {
        byte_writer<> e820;
        e820.e820(0, gibibyte, 1);
        byte_writer<> nfit;
        nfit.nfit().nfit_range(persistent_range, 512 * mebibyte, 256 * mebibyte).seal();
        setup s;
        if (map_first) REQUIRE(ashlar::read_e820(e820.bytes(), 20, s.map, s.defects) == errc::ok);
        REQUIRE(ashlar::read_nfit(nfit.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        if (!map_first) REQUIRE(ashlar::read_e820(e820.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 512 * mebibyte, usable},
                       {512 * mebibyte, 768 * mebibyte, persistent},
                       {768 * mebibyte, gibibyte, usable}}));
    }
}

TEST_CASE("trap: CXL windows are in no memory map and in no SRAT") {
    setup s;
    REQUIRE(ashlar::read_pvh_map(dump("pvh-q35-1G-cxl.bin").bytes(), s.map, s.defects) == errc::ok);
    REQUIRE(ashlar::read_srat(dump("acpi-cxl-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    constexpr std::uint64_t first = 0x350000000;
    constexpr std::uint64_t second = 0x450000000;
    CHECK(entry_at(s, first) == memory_entry{});
    const std::uint64_t frames = s.map.usable_frames();
    REQUIRE(ashlar::read_cedt(dump("acpi-cxl-CEDT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    ashlar::assign_nodes(s.map, s.nodes, s.defects);
    CHECK(s.nodes.node_count() == 4);
    CHECK(entry_at(s, first) == memory_entry{first, second, none, attribute::hot_pluggable, 2});
    CHECK(entry_at(s, second) ==
          memory_entry{second, second + 2 * gibibyte, none, attribute::hot_pluggable, 3});
    CHECK(s.map.usable_frames() == frames);
    CHECK(s.defects.empty());
}

TEST_CASE("trap: firmware configures a part of a CXL window, and its SRAT has only that") {
    constexpr std::uint64_t window = 16 * gibibyte;
    byte_writer<> e820;
    e820.e820(0, gibibyte, 1).e820(window, 4 * gibibyte, 1);
    byte_writer<> srat;
    srat.srat().local_apic(0).memory_affinity(0, 0, gibibyte).memory_affinity(7, window, 4 * gibibyte).seal();
    byte_writer<> cedt;
    cedt.cedt().window(window, 16 * gibibyte).seal();
    setup s;
    REQUIRE(ashlar::read_srat(srat.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    REQUIRE(ashlar::read_cedt(cedt.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    REQUIRE(ashlar::read_e820(e820.bytes(), 20, s.map, s.defects) == errc::ok);
    // What comes into the rest of the window later is the same node's, as Linux's numa_fill_memblks has it.
    CHECK(s.holds({{0, gibibyte, usable, 0, 0},
                   {window, window + 4 * gibibyte, usable, 0, 1},
                   {window + 4 * gibibyte, window + 16 * gibibyte, none, attribute::hot_pluggable, 1}}));
    CHECK(s.nodes.node_count() == 2);
    CHECK(s.map.usable_frames() == 5 * gibibyte >> 12);
    CHECK(s.defects.empty());
}

TEST_CASE("trap: an HMAT names initiators and memories that the SRAT does not have") {
    byte_writer<> srat;
    srat.srat().local_apic(0).memory_affinity(0, 0, gibibyte).memory_affinity(1, gibibyte, gibibyte).seal();
    byte_writer<> hmat;
    // Domain 5 is a generic port, domain 6 nobody.
    hmat.hmat().attached(6, 1).attached(0, 0);
    hmat.figures(0, 1000, {0, 6}, {0, 1, 5}, {80, 250, 400, 1, 1, 1}).seal();
    setup s;
    REQUIRE(ashlar::read_srat(srat.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    REQUIRE(ashlar::read_hmat(hmat.bytes(), s.nodes, s.performance, s.defects) == errc::ok);
    CHECK(s.only(ashlar::table::hmat, 40, defect_kind::unknown_domain));
    CHECK(s.nodes.node_count() == 2);
    CHECK(s.performance.attached_initiator(1) == ashlar::any_node);
    CHECK(s.performance.nearest_initiator(1, s.nodes) == 0);  // by the figures
    CHECK(s.performance.between(0, 1).read_latency == 250'000);
    CHECK(s.performance.pairs().size() == 2);
}

TEST_CASE("trap: an HMAT of revision 1 counts tenths of nanoseconds, of revision 2 picoseconds") {
    const std::uint64_t expected[] = {0, 700 * 100, 700};
    for (const unsigned revision : {1u, 2u}) {
        byte_writer<> hmat;
        hmat.hmat(revision).figures(0, 100, {0}, {0}, {7}).seal();
        setup s;
        REQUIRE(s.nodes.add_processor(0).has_value());
        REQUIRE(ashlar::read_hmat(hmat.bytes(), s.nodes, s.performance, s.defects) == errc::ok);
        CHECK(s.performance.between(0, 0).read_latency == expected[revision]);
    }
}

TEST_CASE("trap: the matrix of an HMAT is so large that its size wraps to two bytes") {
    constexpr std::uint32_t rows = 0xb17953a5;
    constexpr std::uint32_t columns = 0xb8a2b471;
    static_assert(4 * (std::uint64_t{rows} + columns) + 2 * std::uint64_t{rows} * columns == 2);
    byte_writer<> hmat;
    hmat.hmat().figures(0, 1000, {0}, {0}, {7});
    for (unsigned i = 0; i < 4; ++i) hmat.set(52 + i, rows >> (8 * i)).set(56 + i, columns >> (8 * i));
    hmat.seal();
    setup s;
    REQUIRE(s.nodes.add_processor(0).has_value());
    CHECK(ashlar::read_hmat(hmat.bytes(), s.nodes, s.performance, s.defects) == errc::ok);
    CHECK(s.only(ashlar::table::hmat, 40, defect_kind::bad_length));
    CHECK(s.performance.pairs().empty());
}

TEST_CASE("trap: sysfs lists its entries 0, 1, 10, 11, 2") {
    setup s;
    const dump listing("sb_numa4/sysfs-memmap.txt");
    REQUIRE(ashlar::read_linux_memmap(listing.text(), s.map, s.defects) == errc::ok);
    setup unsorted;
    const dump longer("ovmf_numa4/sysfs-memmap.txt");
    REQUIRE(ashlar::read_linux_memmap(longer.text(), unsorted.map, unsorted.defects) == errc::ok);
    CHECK(s.defects.empty());
    CHECK(unsorted.defects.empty());
    CHECK(firmware_tests::well_formed(unsorted.map));
}

TEST_CASE("trap: memory that is soft-reserved is no RAM, in whatever form it is told") {
    constexpr std::uint64_t begin = 0x100000000;
    constexpr std::uint64_t end = 0x140000000;
    byte_writer<> binary;
    binary.e820(begin, end - begin, 0xefffffff);
    setup e820;
    REQUIRE(ashlar::read_e820(binary.bytes(), 20, e820.map, e820.defects) == errc::ok);
    setup log;
    REQUIRE(
        ashlar::read_linux_log(text("BIOS-e820: [mem 0x0000000100000000-0x000000013fffffff] soft reserved\n"),
                               log.map, nullptr, log.defects) == errc::ok);
    setup number;
    REQUIRE(ashlar::read_linux_log(
                text("BIOS-e820: [mem 0x0000000100000000-0x000000013fffffff] type 4026531839\n"), number.map,
                nullptr, number.defects) == errc::ok);
    setup sysfs;
    REQUIRE(ashlar::read_linux_memmap(text("0 0x100000000 0x13fffffff Soft Reserved\n"), sysfs.map,
                                      sysfs.defects) == errc::ok);
    for (const setup* s : {&e820, &log, &number, &sysfs}) {
        CHECK(s->holds({{begin, end, special_purpose}}));
        CHECK(s->defects.empty());
    }
}

TEST_CASE("trap: special-purpose memory that is not accepted yet is not lent out") {
    byte_writer<> table;
    table.uefi(15, 0, 0x1000, cacheable)
        .uefi(15, 0x1000000, 0x1000, cacheable | ashlar::uefi_attribute::special_purpose);
    setup s;
    REQUIRE(ashlar::read_uefi(table.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x1000000, unaccepted},
                   {0x1000000, 0x2000000, special_purpose, attribute::unaccepted, ashlar::any_node}}));
    REQUIRE(s.map.use_unaccepted(9) == errc::ok);
    CHECK(s.map.usable_frames() == 0x1000);
    CHECK(kind_at(s.map, 0x1000000) == special_purpose);
}

}  // namespace
