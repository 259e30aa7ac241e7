// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/e820.hpp>

#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_e820;
using firmware_tests::byte_writer;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::well_formed;
using enum ashlar::memory_kind;

constexpr bool reads_at_compile_time() {
    byte_writer bytes;
    bytes.e820(0, 0x9fc00, 1).e820(0x9fc00, 0x400, 2).e820(0x100000, 0x7ff00000, 1);
    setup s;
    return read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok && s.defects.empty() &&
           s.holds({{0, 0x9fc00, usable}, {0x9fc00, 0xa0000, reserved}, {0x100000, 0x80000000, usable}});
}
static_assert(reads_at_compile_time());

TEST_CASE("types") {
    byte_writer bytes;
    const std::uint32_t types[] = {1, 2, 3, 4, 5, 6, 7, 12, 20, 128, 0xefffffff};
    const ashlar::memory_kind kinds[] = {usable,   reserved, acpi_reclaim,   acpi_nvs,
                                         unusable, reserved, persistent,     persistent,
                                         reserved, reserved, special_purpose};
    for (std::uint64_t i = 0; i < std::size(types); ++i) bytes.e820(i << 21, 0x200000, types[i]);
    setup s;
    CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
    for (std::uint64_t i = 0; i < std::size(types); ++i) CHECK(kind_at(s.map, i << 21) == kinds[i]);
    CHECK(s.defects.empty());
}

TEST_CASE("an unknown type is reserved") {
    byte_writer bytes;
    bytes.e820(0, 0x1000, 1).e820(0x1000, 0x1000, 0).e820(0x2000, 0x1000, 99);
    setup s;
    CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x1000, usable}, {0x1000, 0x3000, reserved}}));
    CHECK(s.defects.count(defect_kind::unknown_kind) == 2);
    CHECK(s.defects[0].offset == 20);
}

TEST_CASE("extended attributes") {
    byte_writer bytes;
    bytes.e820(0, 0x1000, 1, 1)
        .e820(0x1000, 0x1000, 1, 0)
        .e820(0x2000, 0x1000, 1, 3)
        .e820(0x3000, 0x1000, 1, 9);
    setup s;
    SUBCASE("are ACPI's") {
        CHECK(read_e820(bytes.bytes(), 24, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}, {0x2000, 0x3000, persistent}, {0x3000, 0x4000, reserved}}));
        CHECK(s.only(ashlar::table::e820, 24, defect_kind::ignored));
    }
    SUBCASE("are padding") {
        CHECK(read_e820(bytes.bytes(), 24, s.map, s.defects, ashlar::e820_extra::padding) == errc::ok);
        CHECK(s.holds({{0, 0x4000, usable}}));
        CHECK(s.defects.empty());
    }
}

TEST_CASE("strides") {
    byte_writer bytes;
    bytes.e820(0, 0x1000, 1, 1).u64(7).e820(0x1000, 0x1000, 1, 1).u64(7);
    for (const std::size_t stride : {0u, 1u, 19u, 21u, 22u, 23u}) {
        setup s;
        CHECK(read_e820(bytes.bytes(), stride, s.map, s.defects) == errc::invalid);
        CHECK(s.map.entries().empty());
        CHECK(s.only(ashlar::table::e820, 0, defect_kind::bad_length));
    }
    setup s;
    CHECK(read_e820(bytes.bytes(), 32, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x2000, usable}}));
    CHECK(s.defects.empty());
}

TEST_CASE("entries that make no sense") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    setup s;
    byte_writer bytes;
    bytes.e820(0x1000, 0x1000, 1);
    SUBCASE("empty") {
        bytes.e820(0x2000, 0, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0x1000, 0x2000, usable}}));
        CHECK(s.only(ashlar::table::e820, 20, defect_kind::zero_length));
    }
    SUBCASE("memory beyond the address space is dropped") {
        bytes.e820(0x100000, top, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0x1000, 0x2000, usable}}));
        CHECK(s.only(ashlar::table::e820, 20, defect_kind::wrapped));
    }
    SUBCASE("a restriction beyond the address space reaches to its end") {
        bytes.e820(0x1800, top, 2);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0x1000, 0x1800, usable}, {0x1800, top, reserved}}));
        CHECK(s.defects.count(defect_kind::wrapped) == 1);
    }
    SUBCASE("up to the very end is no defect") {
        bytes.e820(top - 0xfff, 0x1000, 2);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0x1000, 0x2000, usable}, {top - 0xfff, top, reserved}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("cut off") {
        bytes.u64(0x2000).u64(0x1000).u16(1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0x1000, 0x2000, usable}}));
        CHECK(s.only(ashlar::table::e820, 20, defect_kind::truncated));
    }
}

TEST_CASE("entries that contradict each other") {
    setup s;
    byte_writer bytes;
    SUBCASE("overlap") {
        bytes.e820(0x0, 0x4000, 1).e820(0x1000, 0x1000, 2).e820(0x3000, 0x2000, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}, {0x1000, 0x2000, reserved}, {0x2000, 0x5000, usable}}));
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::overlap) == 2);
    }
    SUBCASE("misordered") {
        bytes.e820(0x200000, 0x1000, 1).e820(0x0, 0x1000, 1).e820(0x1000, 0x1000, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x2000, usable}, {0x200000, 0x201000, usable}}));
        CHECK(s.only(ashlar::table::e820, 20, defect_kind::misordered));
    }
    SUBCASE("misordered, and overlapping one that is not its predecessor") {
        bytes.e820(0x0, 0x2000, 1).e820(0x200000, 0x1000, 1).e820(0x1000, 0x2000, 2);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(kind_at(s.map, 0x1000) == reserved);
        CHECK(s.defects.count(defect_kind::misordered) == 1);
        CHECK(s.defects.count(defect_kind::overlap) == 1);
    }
    CHECK(well_formed(s.map));
}

TEST_CASE("what another table said is no overlap") {
    setup s;
    byte_writer bytes;
    bytes.e820(0x0, 0x4000, 1);
    for (unsigned i = 0; i < 2; ++i) CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x4000, usable}}));
    CHECK(s.defects.empty());
}

TEST_CASE("holes") {
    setup s;
    byte_writer bytes;
    SUBCASE("a small one above 1 MiB") {
        bytes.e820(0x100000, 0x100000, 1).e820(0x210000, 0x1000, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 20, defect_kind::hole));
        CHECK(s.defects[0].first == 0x200000);
        CHECK(s.defects[0].last == 0x20ffff);
    }
    SUBCASE("after an entry that reaches over the next one") {
        bytes.e820(0x100000, 0x100000, 1).e820(0x110000, 0x1000, 2).e820(0x120000, 0x1000, 2);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::hole) == 0);
    }
    SUBCASE("not below 1 MiB, not of 1 MiB, not among the devices, not after an entry of unknown place") {
        bytes.e820(0x0, 0x9fc00, 1).e820(0xf0000, 0x10000, 2).e820(0x100000, 0x100000, 1);
        bytes.e820(0x300000, 0x1000, 1).e820(0x400000, 0, 1).e820(0x301800, 0x1000, 1);
        bytes.e820(0xfebff000, 0x1000, 2).e820(0xfed1c000, 0x4000, 2).e820(0xfed30000, 0x1000, 2);
        bytes.e820(0xffff0000, 0x8000, 2).e820(0x100000000, 0x1000, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 80, defect_kind::zero_length));
    }
    SUBCASE("above 4 GiB again") {
        bytes.e820(0x100000000, 0x1000, 1).e820(0x100002000, 0x1000, 1);
        CHECK(read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 20, defect_kind::hole));
    }
}

TEST_CASE("a map that is too small is reported once and gains nothing") {
    byte_writer bytes;
    bytes.e820(0x0, 0x10000, 1).e820(0x2000, 0x1000, 2).e820(0x4000, 0x1000, 2).e820(0x20000, 0x1000, 1);
    ashlar::memory_entry entries[2];
    ashlar::memory_map map{entries};
    ashlar::defect found[8];
    ashlar::defects defects{found};
    CHECK(read_e820(bytes.bytes(), 20, map, defects) == errc::limit);
    CHECK(defects.count(defect_kind::full) == 1);
    CHECK(kind_at(map, 0x2000) == reserved);
    CHECK(kind_at(map, 0x4000) == reserved);
    CHECK(well_formed(map));
}

}  // namespace
