// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/cedt.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/hmat.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/nfit.hpp>
#include <ashlar/firmware/slit.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// Single tables of tests/data/firmware, each with the trap that it is known for.
namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::frame;
using ashlar::usable_run;
using firmware_tests::dump;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::well_formed;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

std::vector<ashlar::range<>> frames_of(const ashlar::memory_map& map) {
    std::vector<ashlar::range<>> frames;
    map.for_each_usable([&](const usable_run& run) { frames.push_back(run.frames); });
    return frames;
}

ashlar::range<> frames(std::uint64_t first, std::uint64_t end) {
    return ashlar::range<>::between(frame<>{first}, frame<>{end});
}

TEST_CASE("trap: OVMF has 120 descriptors of 48 bytes for few ranges") {
    setup s;
    CHECK(ashlar::read_efi_map_file(dump("ovmf-q35-512M.efimap").bytes(), s.map, s.defects) == errc::ok);
    CHECK(frames_of(s.map) == std::vector<ashlar::range<>>{frames(0x0, 0xa0), frames(0x100, 0x806),
                                                           frames(0x808, 0x810), frames(0x900, 0x1eaa0),
                                                           frames(0x1eba2, 0x1f4ec),
                                                           frames(0x1f7fe, 0x1fef4)});
    CHECK(s.defects.empty());
}

TEST_CASE("trap: OVMF is unsorted where there is memory above 4 GiB") {
    setup s;
    CHECK(ashlar::read_efi_map_file(dump("ovmf-q35-6G.efimap").bytes(), s.map, s.defects) == errc::ok);
    CHECK(frames_of(s.map).back() == frames(0x100000, 0x200000));
    CHECK(s.map.usable_frames() == 0xa0 + 0x706 + 0x8 + 0x7e1a0 + 0x94a + 0x6f6 + 0x100000);
    CHECK(s.defects.empty());
}

TEST_CASE("trap: OVMF does not tell of a hot-plug window") {
    setup s;
    CHECK(ashlar::read_efi_map_file(dump("ovmf-q35-2G-hotplug.efimap").bytes(), s.map, s.defects) ==
          errc::ok);
    CHECK(frames_of(s.map).back() == frames(0x7f7fe, 0x7fef4));
    CHECK(s.defects.empty());
}

TEST_CASE("trap: AAVMF is unsorted, with runtime data between free pages") {
    setup s;
    CHECK(ashlar::read_efi_map_file(dump("aavmf-virt-1G.efimap").bytes(), s.map, s.defects) == errc::ok);
    CHECK(frames_of(s.map) == std::vector<ashlar::range<>>{frames(0x40000, 0x7c430), frames(0x7c730, 0x7fc00),
                                                           frames(0x7ffe0, 0x80000)});
    CHECK(s.defects.empty());
}

TEST_CASE("trap: KVM's map is not sorted and ends with an entry of no length and type 0") {
    setup s;
    CHECK(ashlar::read_e820(dump("pvh-microvm-512M-kvm.bin").bytes(), 24, s.map, s.defects,
                            ashlar::e820_extra::padding) == errc::ok);
    CHECK(frames_of(s.map) == std::vector<ashlar::range<>>{frames(0x0, 0x9f), frames(0x100, 0x20000)});
    CHECK(kind_at(s.map, 0xd0000) == acpi_nvs);
    CHECK(s.defects.size() == 2);
    CHECK(s.defects.count(defect_kind::misordered) == 1);
    CHECK(s.defects.count(defect_kind::zero_length) == 1);
}

TEST_CASE("trap: the highest address of a map is not the end of RAM") {
    setup s;
    CHECK(ashlar::read_e820(dump("pvh-q35-6G-kvm.bin").bytes(), 24, s.map, s.defects,
                            ashlar::e820_extra::padding) == errc::ok);
    CHECK(frames_of(s.map) == std::vector<ashlar::range<>>{frames(0x0, 0x9f), frames(0x100, 0x7ffe0),
                                                           frames(0x100000, 0x200000)});
    CHECK(kind_at(s.map, 0xfd00000000) == reserved);
    CHECK(s.defects.empty());
}

TEST_CASE("trap: a hot-plug window is in the SRAT and not in E820") {
    setup s;
    CHECK(ashlar::read_srat(dump("acpi-hotplug-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(ashlar::read_e820(dump("pvh-q35-1G-hotplug8G.bin").bytes(), 24, s.map, s.defects,
                            ashlar::e820_extra::padding) == errc::ok);
    CHECK(frames_of(s.map) == std::vector<ashlar::range<>>{frames(0x0, 0x9f), frames(0x100, 0x3ffe0)});
    bool window = false;
    for (const ashlar::memory_entry& entry : s.map.entries()) {
        window = window ||
                 entry == ashlar::memory_entry{0x100000000, 0x580000000, none, attribute::hot_pluggable, 1};
    }
    CHECK(window);
    CHECK(s.defects.empty());
}

TEST_CASE("trap: nodes without memory, and nodes without processors") {
    setup s;
    CHECK(ashlar::read_srat(dump("acpi-memless-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.nodes.node_count() == 2);
    CHECK(s.nodes.cpus(1) == 1);
    for (const ashlar::memory_entry& entry : s.map.entries()) CHECK(entry.node == 0);

    setup hmat;
    CHECK(ashlar::read_srat(dump("acpi-hmat-SRAT.bin").bytes(), hmat.map, hmat.nodes, hmat.defects) ==
          errc::ok);
    CHECK(hmat.nodes.node_count() == 3);
    CHECK(hmat.nodes.cpus(2) == 0);
    CHECK(hmat.defects.empty());
}

TEST_CASE("trap: SRAT has non-volatile memory inside a hot-plug window") {
    setup s;
    CHECK(ashlar::read_srat(dump("acpi-nvdimm-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.only(ashlar::table::srat, 184, defect_kind::overlap));
    const ashlar::memory_entry& inside = s.map.entries()[2];
    CHECK(inside.begin == 0x100000000);
    CHECK(inside.attributes == attribute::non_volatile);
    CHECK(s.map.entries()[3].attributes == attribute::hot_pluggable);
}

TEST_CASE("trap: nothing is aligned behind SRAT structures of 18 bytes") {
    setup s;
    CHECK(ashlar::read_srat(dump("acpi-aarch64-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(ashlar::read_slit(dump("acpi-aarch64-SLIT.bin").bytes(), s.nodes, s.defects) == errc::ok);
    CHECK(s.nodes.node_count() == 2);
    CHECK(s.nodes.cpus(0) == 2);
    CHECK(s.nodes.cpus(1) == 1);
    CHECK(s.holds({{0x40000000, 0x60000000, none, 0, 0},
                   {0x60000000, 0x80000000, none, 0, 1},
                   {0x80000000, 0x1c0000000, none, attribute::hot_pluggable, 1}}));
    CHECK(s.defects.empty());
}

}  // namespace
