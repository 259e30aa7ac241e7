// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_efi_map_file;
using ashlar::read_uefi;
using firmware_tests::byte_writer;
using firmware_tests::kind_at;
using firmware_tests::setup;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr std::uint64_t cacheable = 0xf;
constexpr std::uint64_t more_reliable = 0x10000;

constexpr bool reads_at_compile_time() {
    byte_writer bytes;
    bytes.uefi(7, 0x100000000, 0x1000, cacheable).uefi(7, 0x0, 0xa0, cacheable | more_reliable);
    setup s;
    return read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok && s.defects.empty() &&
           s.holds({{0, 0xa0000, usable, attribute::mirrored, any_node}, {0x100000000, 0x101000000, usable}});
}
static_assert(reads_at_compile_time());

TEST_CASE("types and attributes") {
    struct {
        std::uint32_t type;
        std::uint64_t attributes;
        ashlar::memory_kind kind;
    } const cases[] = {
        {0, cacheable, reserved},
        {1, cacheable, usable},
        {2, cacheable, usable},
        {3, cacheable, usable},
        {4, cacheable, usable},
        {5, cacheable, reserved},
        {6, cacheable, reserved},
        {7, cacheable, usable},
        {7, 0x8, usable},
        {7, 0x7, reserved},
        {7, cacheable | 0x40000, special_purpose},
        {7, cacheable | 0x8000, persistent},
        {4, cacheable | std::uint64_t{1} << 63, reserved},
        {8, cacheable, unusable},
        {9, cacheable, acpi_reclaim},
        {10, cacheable, acpi_nvs},
        {11, 1, reserved},
        {12, 1, reserved},
        {13, cacheable, reserved},
        {14, cacheable, persistent},
        {15, cacheable, unaccepted},
        {0x70000000, cacheable, reserved},
        {0x80000000, cacheable, reserved},
        {0xffffffff, cacheable, reserved},
    };
    byte_writer bytes;
    std::uint64_t first = 0;
    for (const auto& one : cases) {
        bytes.uefi(one.type, first, 1, one.attributes);
        first += 0x1000;
    }
    setup s;
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    first = 0;
    for (const auto& one : cases) {
        CHECK_MESSAGE(kind_at(s.map, first) == one.kind, "type ", one.type, " attributes ", one.attributes);
        first += 0x1000;
    }
    CHECK(s.defects.empty());
}

TEST_CASE("an unknown type is reserved") {
    byte_writer bytes;
    bytes.uefi(16, 0, 1, cacheable);
    setup s;
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x1000, reserved}}));
    CHECK(s.only(ashlar::table::uefi, 0, defect_kind::unknown_kind));
}

TEST_CASE("the stride is the firmware's") {
    for (const std::size_t stride : {40u, 48u, 64u}) {
        byte_writer bytes;
        bytes.uefi(7, 0x0, 1, cacheable, stride - 40).uefi(7, 0x8000, 1, cacheable, stride - 40);
        setup s;
        CHECK(read_uefi(bytes.bytes(), stride, s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}, {0x8000, 0x9000, usable}}));
    }
    for (const std::size_t stride : {0u, 1u, 39u}) {
        byte_writer bytes;
        bytes.uefi(7, 0x0, 1, cacheable);
        setup s;
        CHECK(read_uefi(bytes.bytes(), stride, s.map, s.defects) == errc::invalid);
        CHECK(s.map.entries().empty());
        CHECK(s.only(ashlar::table::uefi, 0, defect_kind::bad_length));
    }
}

TEST_CASE("descriptors that make no sense") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    setup s;
    byte_writer bytes;
    bytes.uefi(7, 0x10000, 1, cacheable);
    SUBCASE("empty") {
        bytes.uefi(7, 0, 0, cacheable);
    }
    SUBCASE("longer than the address space") {
        bytes.uefi(7, 0, std::uint64_t{1} << 52, cacheable);
    }
    SUBCASE("much longer than the address space") {
        bytes.uefi(7, 0x2000, top, cacheable);
    }
    SUBCASE("beyond the address space") {
        bytes.uefi(7, top - 0xfff, 2, cacheable);
    }
    SUBCASE("beyond the address space, and not aligned") {
        bytes.uefi(7, top - 0xffe, 1, cacheable);
    }
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0x10000, 0x11000, usable}}));
    REQUIRE(s.defects.size() == 1);
    CHECK(s.defects[0].offset == 48);
    const defect_kind kind = s.defects[0].kind;
    CHECK((kind == defect_kind::zero_length || kind == defect_kind::wrapped));
}

TEST_CASE("a restriction beyond the address space reaches to its end") {
    byte_writer bytes;
    bytes.uefi(7, 0, 16, cacheable).uefi(11, 0x8000, std::uint64_t{1} << 60, 1);
    setup s;
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x8000, usable}, {0x8000, ~std::uint64_t{0}, reserved}}));
    CHECK(s.defects.count(defect_kind::wrapped) == 1);
}

TEST_CASE("the last page of the address space") {
    byte_writer bytes;
    bytes.uefi(11, ~std::uint64_t{0xfff}, 1, 1);
    setup s;
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{~std::uint64_t{0xfff}, ~std::uint64_t{0}, reserved}}));
    CHECK(s.defects.empty());
}

TEST_CASE("overlaps are reported, order is not") {
    byte_writer bytes;
    bytes.uefi(7, 0x10000, 4, cacheable).uefi(7, 0x0, 4, cacheable).uefi(0, 0x11000, 1, cacheable);
    setup s;
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.only(ashlar::table::uefi, 96, defect_kind::overlap));
    CHECK(kind_at(s.map, 0x11000) == reserved);
}

TEST_CASE("the page size of the machine does not matter") {
    byte_writer bytes;
    bytes.uefi(7, 0x10000, 0x20, cacheable);
    setup s(16);
    CHECK(read_uefi(bytes.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.map.usable_frames() == 2);
}

TEST_CASE("a map in a file") {
    byte_writer bytes;
    SUBCASE("whole") {
        bytes.characters("EFIM")
            .u32(1)
            .u32(48)
            .u32(96)
            .uefi(7, 0, 1, cacheable)
            .uefi(7, 0x8000, 1, cacheable);
        bytes.u32(12345);
        setup s;
        CHECK(ashlar::is_efi_map_file(bytes.bytes()));
        CHECK(read_efi_map_file(bytes.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}, {0x8000, 0x9000, usable}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("cut off") {
        bytes.characters("EFIM").u32(1).u32(48).u32(96).uefi(7, 0, 1, cacheable).u32(7);
        setup s;
        CHECK(read_efi_map_file(bytes.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}}));
        CHECK(s.defects.count(defect_kind::truncated) == 2);
        CHECK(s.defects[1].offset == 64);
    }
    SUBCASE("an impossible stride") {
        bytes.characters("EFIM").u32(1).u32(0).u32(48).uefi(7, 0, 1, cacheable);
        setup s;
        CHECK(read_efi_map_file(bytes.bytes(), s.map, s.defects) == errc::invalid);
        CHECK(s.only(ashlar::table::uefi, 16, defect_kind::bad_length));
    }
    SUBCASE("something else") {
        bytes.characters("EFIX").u32(1).u32(48).u32(0);
        setup s;
        CHECK(!ashlar::is_efi_map_file(bytes.bytes()));
        CHECK(read_efi_map_file(bytes.bytes(), s.map, s.defects) == errc::invalid);
        CHECK(s.only(ashlar::table::uefi, 0, defect_kind::bad_signature));
    }
}

TEST_CASE("a map that is too small is reported once") {
    byte_writer bytes;
    bytes.uefi(7, 0, 1, cacheable).uefi(7, 0x4000, 1, cacheable).uefi(7, 0x8000, 1, cacheable);
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    ashlar::defect found[4];
    ashlar::defects defects{found};
    CHECK(read_uefi(bytes.bytes(), 48, map, defects) == errc::limit);
    CHECK(defects.count(defect_kind::full) == 1);
    CHECK(map.usable_frames() == 1);
}

}  // namespace
