// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/multiboot.hpp>
#include <ashlar/firmware/pvh.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// What PVH and Multiboot loaders passed to a guest.
namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::frame;
using firmware_tests::dump;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::usable_within;
using firmware_tests::well_formed;
using enum ashlar::memory_kind;

std::vector<ashlar::range<>> frames_of(const ashlar::memory_map& map) {
    std::vector<ashlar::range<>> frames;
    map.for_each_usable([&](const ashlar::usable_run& run) { frames.push_back(run.frames); });
    return frames;
}

ashlar::range<> frames(std::uint64_t first, std::uint64_t end) {
    return ashlar::range<>::between(frame<>{first}, frame<>{end});
}

bool same_entries(const ashlar::memory_map& a, const ashlar::memory_map& b) {
    if (a.entries().size() != b.entries().size()) return false;
    for (std::size_t i = 0; i < a.entries().size(); ++i) {
        if (a.entries()[i] != b.entries()[i]) return false;
    }
    return true;
}

TEST_CASE("PVH and Multiboot 1 describe the same machine alike") {
    struct {
        const char* pvh;
        const char* multiboot;
        std::size_t defects;
    } const machines[] = {{"pvh-microvm-512M-kvm.bin", "multiboot1-microvm-512M-kvm.bin", 2},
                          {"pvh-q35-6G-kvm.bin", "multiboot1-q35-6G-kvm.bin", 0}};
    for (const auto& machine : machines) {
        setup pvh;
        setup multiboot;
        CHECK(ashlar::read_pvh_map(dump(machine.pvh).bytes(), pvh.map, pvh.defects) == errc::ok);
        CHECK(ashlar::read_multiboot1_map(dump(machine.multiboot).bytes(), multiboot.map,
                                          multiboot.defects) == errc::ok);
        CHECK(same_entries(pvh.map, multiboot.map));
        CHECK(pvh.defects.size() == machine.defects);
        CHECK(multiboot.defects.size() == machine.defects);
    }
}

TEST_CASE("trap: Multiboot 1 is unsorted, with an empty entry at the end") {
    setup s;
    CHECK(ashlar::read_multiboot1_map(dump("multiboot1-microvm-512M-kvm.bin").bytes(), s.map, s.defects) ==
          errc::ok);
    CHECK(frames_of(s.map) == std::vector<ashlar::range<>>{frames(0x0, 0x9f), frames(0x100, 0x20000)});
    CHECK(kind_at(s.map, 0xd0000) == acpi_nvs);
    CHECK(s.defects.count(defect_kind::misordered) == 1);
    CHECK(s.defects.count(defect_kind::zero_length) == 1);
}

TEST_CASE("Multiboot 2: GRUB on a BIOS") {
    setup small;
    CHECK(ashlar::read_multiboot2(dump("multiboot2-grub-bios-512M.bin").bytes(), small.map, small.defects) ==
          errc::ok);
    CHECK(frames_of(small.map) == std::vector<ashlar::range<>>{frames(0x0, 0x9f), frames(0x100, 0x1ffdf)});
    CHECK(kind_at(small.map, 0xfd00000000) == reserved);
    CHECK(small.defects.empty());

    setup large;
    CHECK(ashlar::read_multiboot2(dump("multiboot2-grub-bios-6G.bin").bytes(), large.map, large.defects) ==
          errc::ok);
    CHECK(frames_of(large.map) == std::vector<ashlar::range<>>{frames(0x0, 0x9f), frames(0x100, 0x7ffdf),
                                                               frames(0x100000, 0x200000)});
    CHECK(large.defects.empty());
}

TEST_CASE("maps of boot protocols that end early") {
    struct {
        const char* name;
        errc (*read)(ashlar::bytes, ashlar::memory_map&, ashlar::defects&) noexcept;
    } const files[] = {{"pvh-microvm-512M-kvm.bin", ashlar::read_pvh_map},
                       {"pvh-q35-6G-kvm.bin", ashlar::read_pvh_map},
                       {"multiboot1-microvm-512M-kvm.bin", ashlar::read_multiboot1_map},
                       {"multiboot1-q35-6G-kvm.bin", ashlar::read_multiboot1_map},
                       {"multiboot2-grub-bios-512M.bin", ashlar::read_multiboot2},
                       {"multiboot2-grub-bios-6G.bin", ashlar::read_multiboot2}};
    for (const auto& file : files) {
        const dump content(file.name);
        setup whole;
        REQUIRE(file.read(content.bytes(), whole.map, whole.defects) == errc::ok);
        for (std::size_t length = 0; length < content.bytes().size(); ++length) {
            // A copy of its own, so that a sanitizer sees the first byte beyond.
            const std::vector<std::byte> copy(content.bytes().begin(), content.bytes().begin() + length);
            setup part;
            const errc answer = file.read({copy.data(), copy.size()}, part.map, part.defects);
            CHECK((answer == errc::ok || answer == errc::invalid));
            CHECK(well_formed(part.map));
            CHECK(usable_within(part.map, whole.map));
            const bool whole_entries = file.read != ashlar::read_multiboot2 && length % 24 == 0;
            CHECK((whole_entries || part.defects.count(defect_kind::truncated) == 1));
        }
    }
}

}  // namespace
