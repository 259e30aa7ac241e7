// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/fdt.hpp>
#include <ashlar/firmware/multiboot.hpp>
#include <ashlar/firmware/pvh.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/byte_writer.hpp"
#include "firmware/dump.hpp"
#include "firmware/fdt_writer.hpp"
#include "firmware/setup.hpp"

// What real tables do to a reader that believes the specification. Each trap is a test whose name begins with
// "trap:"; those that a single dump shows are beside that dump, those without a dump here are written byte by
// byte.
namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::frame;
using ashlar::usable_run;
using firmware_tests::byte_writer;
using firmware_tests::dump;
using firmware_tests::fdt_writer;
using firmware_tests::kind_at;
using firmware_tests::setup;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr std::uint64_t cacheable = 0xf;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

std::vector<usable_run> runs_of(const ashlar::memory_map& map) {
    std::vector<usable_run> runs;
    map.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
    return runs;
}

bool handed_out(const ashlar::memory_map& map, std::uint64_t address) {
    bool found = false;
    map.for_each_usable(
        [&](const usable_run& run) { found = found || run.frames.contains(frame<>{address >> 12}); });
    return found;
}

TEST_CASE("trap: every BIOS has page 0x9f half RAM and half reserved") {
    for (const char* name : {"pvh-q35-512M-kvm.bin", "pvh-q35-512M-tcg.bin", "pvh-pc-512M-kvm.bin",
                             "pvh-pc-6G-tcg.bin", "pvh-microvm-6G-tcg.bin", "pvh-q35-1G-hotplug8G.bin"}) {
        CAPTURE(name);
        setup s;
        REQUIRE(ashlar::read_pvh_map(dump(name).bytes(), s.map, s.defects) == errc::ok);
        CHECK(kind_at(s.map, 0x9fbff) == usable);
        CHECK(kind_at(s.map, 0x9fc00) == reserved);
        CHECK(handed_out(s.map, 0x9e000));
        CHECK_FALSE(handed_out(s.map, 0x9f000));
    }
}

TEST_CASE(
    "trap: an E820 extended attribute without its lowest bit disables an entry, but 20 bytes have none") {
    byte_writer<> long_entries;
    long_entries.e820(0, 0x10000, 1, 1).e820(0x10000, 0x10000, 1, 0);
    setup extended;
    REQUIRE(ashlar::read_e820(long_entries.bytes(), 24, extended.map, extended.defects) == errc::ok);
    CHECK(extended.map.usable_frames() == 0x10);
    CHECK(extended.defects.count(defect_kind::ignored) == 1);

    byte_writer<> short_entries;
    short_entries.e820(0, 0x10000, 1).e820(0x10000, 0x10000, 1);
    setup plain;
    REQUIRE(ashlar::read_e820(short_entries.bytes(), 20, plain.map, plain.defects) == errc::ok);
    CHECK(plain.map.usable_frames() == 0x20);
}

TEST_CASE("trap: SRAT fillers are disabled, empty, at address 0, and out of order") {
    for (const char* name : {"acpi-hotplug-SRAT.bin", "acpi-hmat-SRAT.bin", "acpi-memless-SRAT.bin"}) {
        CAPTURE(name);
        setup s;
        REQUIRE(ashlar::read_srat(dump(name).bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(s.map.entries()[0].begin == 0);
        CHECK(s.map.entries()[0].end == 0xa0000);
    }
}

TEST_CASE("trap: SRAT gives a node in several pieces, around the hole below 1 MiB and the one below 4 GiB") {
    setup s;
    REQUIRE(ashlar::read_srat(dump("acpi-numa2-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    unsigned pieces = 0;
    for (const ashlar::memory_entry& entry : s.map.entries()) pieces += entry.node == 0 ? 1 : 0;
    CHECK(pieces >= 2);
    // No node has the hole: what firmware put there stays without one.
    CHECK_FALSE(s.map.any_of(0xa0000, mebibyte, [](const ashlar::memory_entry&) { return true; }));
}

TEST_CASE(
    "trap: a hot-plug window of another node lies over memory, and the fixed claim wins in either order") {
    for (const bool window_first : {true, false}) {
        byte_writer<> table;
        table.srat();
        if (window_first) table.memory_affinity(1, 0, 4 * gibibyte, 3);
        table.memory_affinity(2, gibibyte, gibibyte, 1);
        if (!window_first) table.memory_affinity(1, 0, 4 * gibibyte, 3);
        table.seal();
        setup s;
        REQUIRE(s.map.add(0, 4 * gibibyte, usable) == errc::ok);
        REQUIRE(ashlar::read_srat(table.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::node_conflict) == 1);
        const std::vector<usable_run> runs = runs_of(s.map);
        REQUIRE(runs.size() == 3);
        CHECK(s.nodes.domain(runs[0].node) == 1);
        CHECK(runs[0].hot_pluggable);
        CHECK(s.nodes.domain(runs[1].node) == 2);
        CHECK_FALSE(runs[1].hot_pluggable);
        CHECK(s.nodes.domain(runs[2].node) == 1);
        // All NUMA is not dropped for it, and no memory is lost.
        CHECK(s.map.usable_frames() == 4 * gibibyte >> 12);
    }
}

TEST_CASE("trap: UEFI counts the running image as memory, also where it lies above 4 GiB") {
    setup s;
    REQUIRE(ashlar::read_efi_map_file(dump("ovmf-q35-6G.efimap").bytes(), s.map, s.defects) == errc::ok);
    constexpr std::uint64_t image = 0x140000000;
    constexpr std::uint64_t image_end = image + 0x14000;
    CHECK(handed_out(s.map, image));
    REQUIRE(s.map.exclude_bytes(image, image_end) == errc::ok);
    CHECK_FALSE(handed_out(s.map, image));
    CHECK_FALSE(handed_out(s.map, image_end - 1));
    CHECK(handed_out(s.map, image_end));
}

TEST_CASE("trap: U-Boot's descriptors have 40 bytes, EDK2's 48") {
    byte_writer<> u_boot;
    u_boot.uefi(7, 0x40000000, 0x100, cacheable, 0).uefi(5, 0x40100000, 0x10, cacheable, 0);
    u_boot.uefi(7, 0x40110000, 0x100, cacheable, 0);
    setup forty;
    REQUIRE(ashlar::read_uefi(u_boot.bytes(), 40, forty.map, forty.defects) == errc::ok);
    CHECK(forty.holds({{0x40000000, 0x40100000, usable},
                       {0x40100000, 0x40110000, reserved},
                       {0x40110000, 0x40210000, usable}}));
    CHECK(forty.defects.empty());
    // AAVMF is EDK2 too; its file says what GetMemoryMap returned.
    CHECK(ashlar::load_little<std::uint32_t>(dump("ovmf-q35-6G.efimap").bytes(), 8) == 48);
}

TEST_CASE("trap: UEFI runtime data lie page by page between free memory") {
    byte_writer<8192> table;
    for (std::uint64_t page = 0; page < 32; ++page)
        table.uefi(page % 2 == 0 ? 7 : 6, page << 12, 1, cacheable);
    setup s;
    REQUIRE(ashlar::read_uefi(table.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(runs_of(s.map).size() == 16);
    for (std::uint64_t page = 0; page < 32; ++page) CHECK(handed_out(s.map, page << 12) == (page % 2 == 0));
}

TEST_CASE("trap: special-purpose memory is never ordinary, whatever its type") {
    for (const std::uint32_t type : {1u, 2u, 3u, 4u, 7u}) {
        CAPTURE(type);
        byte_writer<> table;
        table.uefi(type, 0, 0x10, cacheable | ashlar::uefi_attribute::special_purpose);
        setup s;
        REQUIRE(ashlar::read_uefi(table.bytes(), 48, s.map, s.defects) == errc::ok);
        CHECK(kind_at(s.map, 0) == special_purpose);
        // Nor does an E820 table, which has no such attribute, make it so.
        REQUIRE(s.map.add(0, 0x10000, usable) == errc::ok);
        CHECK(s.map.usable_frames() == 0);
    }
}

TEST_CASE("trap: UEFI calls memory conventional that cannot be cached, and the attributes are capabilities") {
    byte_writer<> table;
    table.uefi(7, 0, 0x10, 0x1).uefi(7, 0x10000, 0x10, cacheable | 0x20000);
    setup s;
    REQUIRE(ashlar::read_uefi(table.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x10000, reserved}, {0x10000, 0x20000, usable}}));
}

TEST_CASE("trap: unaccepted memory that an E820 table calls RAM stays unaccepted") {
    setup s;
    byte_writer<> e820;
    e820.e820(0, 64 * mebibyte, 1);
    REQUIRE(ashlar::read_e820(e820.bytes(), 20, s.map, s.defects) == errc::ok);
    byte_writer<> uefi;
    uefi.uefi(7, 0, 0x1000, cacheable).uefi(15, 16 * mebibyte, 0x3000, cacheable);
    REQUIRE(ashlar::read_uefi(uefi.bytes(), 48, s.map, s.defects) == errc::ok);
    CHECK(s.map.usable_frames() == 0x1000);
    CHECK(kind_at(s.map, 16 * mebibyte) == unaccepted);
}

/// What GRUB passes on UEFI: a Multiboot 2 map with its own type 20, and the firmware's map beside it.
byte_writer<> grub_on_uefi() {
    byte_writer<> info;
    info.u64(0);
    info.u32(6).u32(16 + 4 * 24).u32(24).u32(0);
    info.e820(0, 0xa0000, 1, 0).e820(mebibyte, 0x1000000, 1, 0);
    info.e820(0x1100000, 0x10000, 20, 0).e820(0x1110000, 0x100000, 1, 0);
    info.u32(17).u32(16 + 4 * 48).u32(48).u32(1);
    info.uefi(7, 0, 0xa0, cacheable).uefi(2, mebibyte, 0x1000, cacheable);
    info.uefi(5, 0x1100000, 0x10, cacheable | ashlar::uefi_attribute::runtime)
        .uefi(7, 0x1110000, 0x100, cacheable);
    info.u32(0).u32(8);
    for (std::size_t i = 0; i < 4; ++i) info.set(i, info.size() >> (8 * i));
    return info;
}

TEST_CASE("trap: GRUB's two maps on UEFI say the same, and its type 20 is runtime code") {
    setup both;
    REQUIRE(ashlar::read_multiboot2(grub_on_uefi().bytes(), both.map, both.defects) == errc::ok);
    CHECK(both.defects.empty());
    CHECK(both.holds({{0, 0xa0000, usable},
                      {mebibyte, 0x1100000, usable},
                      {0x1100000, 0x1110000, reserved},
                      {0x1110000, 0x1210000, usable}}));
}

TEST_CASE("trap: GRUB's map calls the running image, its modules and itself available") {
    setup s;
    REQUIRE(ashlar::read_multiboot2(grub_on_uefi().bytes(), s.map, s.defects) == errc::ok);
    constexpr std::uint64_t image = mebibyte;
    CHECK(handed_out(s.map, image));
    REQUIRE(s.map.exclude_bytes(image, image + 0x12345) == errc::ok);
    CHECK_FALSE(handed_out(s.map, image + 0x12000));
    CHECK(handed_out(s.map, image + 0x13000));
}

TEST_CASE("trap: Multiboot 1 entries do not count their own size and are not aligned") {
    byte_writer<> map;
    map.u32(20).e820(0, 0x9fc00, 1).u32(23).e820(0x9fc00, 0x400, 2).u8(0).u8(0).u8(0);
    map.u32(20).e820(mebibyte, mebibyte, 1);
    setup s;
    REQUIRE(ashlar::read_multiboot1_map(map.bytes(), s.map, s.defects) == errc::ok);
    CHECK(s.defects.empty());
    CHECK(s.map.usable_frames() == 0x9f + 0x100);
}

TEST_CASE("trap: a PVH start info of version 0 has no map behind it, whatever its bytes are") {
    byte_writer<> info;
    info.u32(0x336ec578).u32(0).zeros(32).u64(0x1000).u32(7).u32(0);
    setup s;
    const auto start = ashlar::read_pvh_start_info(info.bytes(), s.defects);
    REQUIRE(start);
    CHECK_FALSE(start->has_map());
}

TEST_CASE("trap: secure memory of a device tree has the type of memory and is disabled") {
    fdt_writer tree;
    tree.root().memory({0x40000000, 0x20000000}).end();
    tree.begin("secram@e000000").text("device_type", "memory").cells("reg", {0xe000000, 0x1000000});
    tree.text("status", "disabled").text("secure-status", "okay").end();
    setup s;
    REQUIRE(ashlar::read_fdt(tree.sealed(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.holds({{0x40000000, 0x60000000, usable}}));
    CHECK(s.only(ashlar::table::fdt, s.defects[0].offset, defect_kind::ignored));
}

TEST_CASE("trap: a device tree is a megabyte of mostly zeros, and all of it is in use") {
    fdt_writer tree;
    const ashlar::bytes small = tree.root().memory({0x40000000, 0x20000000}).end().sealed();
    std::vector<std::byte> padded(small.begin(), small.end());
    padded.resize(mebibyte);
    padded[5] = std::byte{0x10};  // totalsize, big-endian
    padded[6] = padded[7] = std::byte{0};
    const ashlar::bytes blob{padded.data(), padded.size()};
    const auto size = ashlar::fdt_size(blob.subview(0, 8));
    REQUIRE(size);
    CHECK(*size == mebibyte);
    setup s;
    constexpr std::uint64_t tree_at = 0x48000000;
    REQUIRE(s.map.exclude_bytes(tree_at, tree_at + *size) == errc::ok);
    REQUIRE(ashlar::read_fdt(blob, s.map, s.nodes, s.defects) == errc::ok);
    CHECK_FALSE(handed_out(s.map, tree_at + small.size() + 0x1000));
    CHECK_FALSE(handed_out(s.map, tree_at + mebibyte - 1));
    CHECK(handed_out(s.map, tree_at + mebibyte));
    CHECK(s.defects.empty());
}

TEST_CASE("trap: what a crash kernel may use stands in a property beside reg, or in /chosen") {
    setup s;
    fdt_writer tree;
    tree.root().memory({0x40000000, 0x20000000}).cells("linux,usable-memory", {0x48000000, 0x1000000}).end();
    tree.begin("chosen").cells("linux,usable-memory-range", {0x48800000, 0x10000000}).end();
    REQUIRE(ashlar::read_fdt(tree.sealed(), s.map, s.nodes, s.defects) == errc::ok);
    REQUIRE(runs_of(s.map).size() == 1);
    CHECK(runs_of(s.map)[0].frames == ashlar::range<>::between(frame<>{0x48800}, frame<>{0x49000}));
}

TEST_CASE("trap: memory that no node claims still has one") {
    setup s;
    byte_writer<> table;
    table.srat().memory_affinity(5, 0, mebibyte).seal();
    REQUIRE(s.map.add(0, 2 * mebibyte, usable) == errc::ok);
    REQUIRE(ashlar::read_srat(table.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    ashlar::assign_nodes(s.map, s.nodes, s.defects);
    CHECK(s.defects.count(defect_kind::no_node) == 1);
    for (const usable_run& run : runs_of(s.map)) CHECK(run.node == 0);
}

}  // namespace
