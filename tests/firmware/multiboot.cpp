// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/multiboot.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using firmware_tests::byte_writer;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::well_formed;
using enum ashlar::memory_kind;

/// Multiboot 2 information, tag by tag.
class information {
 public:
    constexpr information() { bytes_.u64(0); }

    /// A tag of `size` bytes in all; its content is written by the caller, and padded by the next tag.
    constexpr byte_writer<>& tag(std::uint32_t type, std::uint32_t size) {
        pad();
        return bytes_.u32(type).u32(size);
    }
    /// A memory map of one usable and one reserved range, 1 MiB each.
    constexpr information& ranges() {
        tag(6, 64).u32(24).u32(0).e820(0, 0x100000, 1, 0).e820(0x100000, 0x100000, 2, 0);
        return *this;
    }
    constexpr ashlar::bytes sealed() {
        tag(0, 8);
        return unfinished();
    }
    constexpr ashlar::bytes unfinished() {
        for (std::size_t i = 0; i < 4; ++i) bytes_.set(i, bytes_.size() >> (8 * i));
        return bytes_.bytes();
    }
    [[nodiscard]] constexpr std::size_t size() const { return bytes_.size(); }
    constexpr byte_writer<>& writer() { return bytes_; }

 private:
    constexpr void pad() {
        while (bytes_.size() % 8 != 0) bytes_.u8(0xee);
    }
    byte_writer<> bytes_;
};

constexpr bool reads_at_compile_time() {
    setup s;
    information info;
    info.tag(1, 9).u8('x');
    info.ranges();
    if (ashlar::read_multiboot2(info.sealed(), s.map, s.defects) != errc::ok || !s.defects.empty()) {
        return false;
    }
    return s.holds({{0, 0x100000, usable}, {0x100000, 0x200000, reserved}});
}
static_assert(reads_at_compile_time());

TEST_CASE("Multiboot 1: where the map is") {
    setup s;
    byte_writer bytes;
    bytes.u32(0x24f).zeros(40).u32(0xa8).u32(0x9000);
    const auto info = ashlar::read_multiboot1_info(bytes.bytes(), s.defects);
    REQUIRE(info.has_value());
    CHECK(info->map_address == 0x9000);
    CHECK(info->map_bytes == 0xa8);
    CHECK(s.defects.empty());

    bytes.set(0, 0x0f);
    const auto none_at_all = ashlar::read_multiboot1_info(bytes.bytes(), s.defects);
    REQUIRE(none_at_all.has_value());
    CHECK(none_at_all->map_address == 0);
    CHECK(none_at_all->map_bytes == 0);

    for (std::size_t length = 0; length < 52; ++length) {
        setup cut;
        const auto part = ashlar::read_multiboot1_info(bytes.bytes().subview(0, length), cut.defects);
        CHECK(part.error() == errc::invalid);
        CHECK(cut.only(ashlar::table::multiboot, length, defect_kind::truncated));
    }
}

TEST_CASE("Multiboot 1: the size does not count itself, and may be any from 20 on") {
    setup s;
    byte_writer bytes;
    bytes.u32(20).e820(0, 0x100000, 1).u32(23).e820(0x100000, 0x100000, 2).zeros(3);
    bytes.u32(20).e820(0x200000, 0x100000, 99);
    CHECK(ashlar::read_multiboot1_map(bytes.bytes(), s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x100000, usable}, {0x100000, 0x300000, reserved}}));
    CHECK(s.only(ashlar::table::multiboot, 24 + 27 + 4, defect_kind::unknown_kind));
}

TEST_CASE("Multiboot 1: an entry that is too short ends the map") {
    for (const std::uint32_t size : {0u, 4u, 19u}) {
        setup s;
        byte_writer bytes;
        bytes.u32(20).e820(0, 0x100000, 1).u32(size).e820(0x100000, 0x100000, 1);
        CHECK(ashlar::read_multiboot1_map(bytes.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0x100000, usable}}));
        CHECK(s.only(ashlar::table::multiboot, 24, defect_kind::bad_length));
    }
}

TEST_CASE("Multiboot 1: an entry that reaches beyond the map is not read") {
    for (const std::uint32_t size : {21u, 0x7fffffffu, 0xffffffffu}) {
        setup s;
        byte_writer bytes;
        bytes.u32(size).e820(0, 0x100000, 1);
        CHECK(ashlar::read_multiboot1_map(bytes.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.map.entries().empty());
        CHECK(s.only(ashlar::table::multiboot, 0, defect_kind::truncated));
    }
}

TEST_CASE("Multiboot 1: a full map") {
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    setup s;
    byte_writer bytes;
    bytes.u32(20).e820(0, 0x1000, 1).u32(20).e820(0x1000, 0x1000, 3);
    CHECK(ashlar::read_multiboot1_map(bytes.bytes(), map, s.defects) == errc::limit);
    CHECK(s.only(ashlar::table::multiboot, 28, defect_kind::full));
    CHECK(map.usable_frames() == 0);
}

TEST_CASE("Multiboot 2: the two maps cut each other") {
    setup s;
    information info;
    info.ranges();
    info.tag(17, 16 + 48).u32(48).u32(1).uefi(6, 0x4000, 2, 0xf);
    CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x4000, usable},
                   {0x4000, 0x6000, reserved},
                   {0x6000, 0x100000, usable},
                   {0x100000, 0x200000, reserved}}));
    CHECK(s.defects.empty());
}

TEST_CASE("Multiboot 2: a UEFI map alone, with descriptors of 40 bytes and a mirror") {
    setup s;
    information info;
    info.tag(17, 16 + 40).u32(40).u32(1).uefi(7, 0x4000, 2, 0x1000f, 0);
    CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0x4000, 0x6000, usable, ashlar::memory_attribute::mirrored, ashlar::any_node}}));
    CHECK(s.defects.empty());
}

TEST_CASE("Multiboot 2: findings in the UEFI map are where they are in the information") {
    setup s;
    information info;
    info.tag(17, 16 + 40 + 4).u32(40).u32(1).uefi(7, 0x4000, 0, 0xf, 0).u32(0);
    CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
    CHECK(s.defects.size() == 2);
    CHECK(s.defects[0].kind == defect_kind::zero_length);
    CHECK(s.defects[0].offset == 8 + 16);
    CHECK(s.defects[1].kind == defect_kind::truncated);
    CHECK(s.defects[1].offset == 8 + 16 + 40);
}

TEST_CASE("trap: Multiboot 2 maps from before the end of boot services are not read") {
    for (const bool first : {true, false}) {
        setup s;
        information info;
        if (first) info.tag(18, 8);
        info.ranges();
        info.tag(17, 16 + 40).u32(40).u32(1).uefi(7, 0x4000, 2, 0xf, 0);
        if (!first) info.tag(18, 8);
        CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::busy);
        CHECK(s.map.entries().empty());
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::ignored) == 2);
    }
}

TEST_CASE("Multiboot 2: information of a wrong size") {
    setup s;
    information info;
    info.ranges();
    (void)info.sealed();
    byte_writer<> bytes = info.writer();
    SUBCASE("more than there is") {
        bytes.set(0, bytes.size() + 1);
        CHECK(ashlar::read_multiboot2(bytes.bytes(), s.map, s.defects) == errc::invalid);
        CHECK(s.only(ashlar::table::multiboot, bytes.size(), defect_kind::truncated));
        CHECK(s.map.entries().empty());
    }
    SUBCASE("less than its head") {
        bytes.set(0, 7);
        CHECK(ashlar::read_multiboot2(bytes.bytes(), s.map, s.defects) == errc::invalid);
        CHECK(s.only(ashlar::table::multiboot, 0, defect_kind::bad_length));
        CHECK(s.map.entries().empty());
    }
    SUBCASE("without the last tag") {
        bytes.set(0, bytes.size() - 8);
        CHECK(ashlar::read_multiboot2(bytes.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::multiboot, bytes.size() - 8, defect_kind::truncated));
        CHECK(s.map.entries().size() == 2);
    }
    SUBCASE("what is behind it is not looked at") {
        bytes.zeros(16);
        CHECK(ashlar::read_multiboot2(bytes.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.defects.empty());
    }
}

TEST_CASE("Multiboot 2: tags of a wrong size") {
    setup s;
    information info;
    SUBCASE("without length") {
        info.tag(1, 7);
        info.ranges();
        CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::multiboot, 8, defect_kind::bad_length));
        CHECK(s.map.entries().empty());
    }
    SUBCASE("beyond the information") {
        info.ranges();
        info.tag(1, 0xffffffff);
        CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::multiboot, 72, defect_kind::truncated));
        CHECK(s.map.entries().size() == 2);
    }
    SUBCASE("maps without a head") {
        info.tag(6, 12).u32(24);
        info.tag(17, 12).u32(40);
        CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::bad_length) == 2);
        CHECK(s.map.entries().empty());
    }
    SUBCASE("entries that are too short") {
        info.tag(6, 56).u32(20).u32(0).e820(0, 0x1000, 1).e820(0x1000, 0x1000, 1);
        info.tag(17, 56).u32(39).u32(1).uefi(7, 0, 1, 0xf, 0);
        CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::bad_length) == 2);
        CHECK(s.map.entries().empty());
    }
    SUBCASE("entries that are longer, the last one cut off") {
        info.tag(6, 16 + 32 + 24).u32(32).u32(0).e820(0, 0x1000, 1, 0).u64(9).e820(0x1000, 0x1000, 1, 0);
        CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::multiboot, 8 + 16 + 32, defect_kind::truncated));
        CHECK(s.holds({{0, 0x1000, usable}}));
    }
}

TEST_CASE("Multiboot 2: a full map") {
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    setup s;
    information info;
    SUBCASE("by its ranges") {
        info.ranges();
    }
    SUBCASE("by the UEFI map") {
        info.tag(17, 16 + 80).u32(40).u32(1).uefi(7, 0, 1, 0xf, 0).uefi(6, 0x1000, 1, 0xf, 0);
    }
    CHECK(ashlar::read_multiboot2(info.sealed(), map, s.defects) == errc::limit);
    CHECK(s.defects.count(defect_kind::full) == 1);
    CHECK(map.usable_frames() <= 0x100);
}

TEST_CASE("Multiboot 2: the loader's type for EFI runtime code is reserved") {
    setup s;
    information info;
    info.tag(6, 40).u32(24).u32(0).e820(0, 0x1000, 20, 0);
    CHECK(ashlar::read_multiboot2(info.sealed(), s.map, s.defects) == errc::ok);
    CHECK(kind_at(s.map, 0) == reserved);
    CHECK(s.defects.empty());
    CHECK(well_formed(s.map));
}

}  // namespace
