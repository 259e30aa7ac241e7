// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/slit.hpp>
#include <ashlar/firmware/srat.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// The whole machines of tests/data/firmware, from every combination of inputs that describes them.
namespace {

using ashlar::any_node;
using ashlar::errc;
using ashlar::frame;
using ashlar::node_id;
using ashlar::usable_run;
using firmware_tests::dump;
using firmware_tests::setup;
using firmware_tests::well_formed;

enum class input { log, e820_text, uefi_text, srat, slit };

void read(setup& s, const std::string& machine, input what) {
    const char* const names[] = {"dmesg.txt", "e820.txt", "efi-memmap.txt", "SRAT.dat", "SLIT.dat"};
    const dump file(machine + "/" + names[static_cast<unsigned>(what)]);
    switch (what) {
        case input::srat:
            CHECK(ashlar::read_srat(file.bytes(), s.map, s.nodes, s.defects) == errc::ok);
            break;
        case input::slit:
            CHECK(ashlar::read_slit(file.bytes(), s.nodes, s.defects) == errc::ok);
            break;
        default:
            CHECK(ashlar::read_linux_log(file.text(), s.map, &s.nodes, s.defects) == errc::ok);
            break;
    }
}

/// Reads the inputs in this order and finishes the map.
void read(setup& s, const std::string& machine, std::initializer_list<input> inputs) {
    for (const input what : inputs) read(s, machine, what);
    ashlar::assign_nodes(s.map, s.nodes, s.defects);
    CHECK(s.defects.empty());
    CHECK(well_formed(s.map));
}

std::vector<usable_run> runs_of(const setup& s) {
    std::vector<usable_run> runs;
    s.map.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
    return runs;
}

usable_run run(std::uint64_t first, std::uint64_t end, node_id node, bool mirrored = false) {
    return {ashlar::range<>::between(frame<>{first}, frame<>{end}), node, mirrored, false};
}

void check_nodes(const setup& s) {
    const std::uint8_t distances[4][4] = {
        {10, 21, 17, 28}, {21, 10, 28, 17}, {17, 28, 10, 28}, {28, 17, 28, 10}};
    REQUIRE(s.nodes.node_count() == 4);
    for (node_id from = 0; from < 4; ++from) {
        CHECK(s.nodes.domain(from) == from);
        CHECK(s.nodes.cpus(from) == (from < 2 ? 2 : 0));
        for (node_id to = 0; to < 4; ++to) CHECK(s.nodes.distance(from, to) == distances[from][to]);
    }
}

/// Pages by node and zone as the kernel counted them.
struct counted_pages {
    std::uint64_t ordinary_zones[4]{};  ///< DMA, DMA32 and Normal
    std::uint64_t movable[4]{};
};

counted_pages zoneinfo(const std::string& machine) {
    const dump file(machine + "/zoneinfo.txt");
    std::istringstream lines(std::string(file.text().data(), file.text().size()));
    counted_pages pages;
    std::size_t node = 0;
    bool movable = false;
    for (std::string word; lines >> word;) {
        if (word == "Node") {
            lines >> node;
            REQUIRE(node < 4);
        } else if (word == "zone") {
            lines >> word;
            movable = word == "Movable";
        } else if (word == "present") {
            std::uint64_t count = 0;
            lines >> count;
            (movable ? pages.movable : pages.ordinary_zones)[node] += count;
        }
    }
    return pages;
}

TEST_CASE("V7: a mirrored machine, as the kernel saw it") {
    setup s;
    SUBCASE("from its log, SRAT and SLIT") {
        read(s, "mirror_numa4", {input::log, input::srat, input::slit});
    }
    SUBCASE("from its UEFI map, SRAT and SLIT") {
        read(s, "mirror_numa4", {input::uefi_text, input::srat, input::slit});
    }
    SUBCASE("in the opposite order") {
        read(s, "mirror_numa4", {input::slit, input::srat, input::uefi_text, input::e820_text});
    }
    check_nodes(s);
    CHECK(runs_of(s) == std::vector<usable_run>{
                            run(0x0, 0xa0, 0, true), run(0x100, 0x806, 0, true), run(0x808, 0x810, 0, true),
                            run(0x900, 0x40000, 0, true), run(0x40000, 0x7ea8a, 1, true),
                            run(0x7eb8c, 0x7f4ec, 1, true), run(0x7f7fe, 0x7fedc, 1, true),
                            run(0x100000, 0x108000, 2, true), run(0x108000, 0x120000, 2),
                            run(0x120000, 0x128000, 3, true), run(0x128000, 0x140000, 3)});

    // With kernelcore=mirror the kernel's zones but Movable are the mirrored memory. It drops page 0.
    counted_pages ours;
    for (const usable_run& r : runs_of(s)) {
        (r.mirrored ? ours.ordinary_zones : ours.movable)[r.node] += r.frames.count;
    }
    --ours.ordinary_zones[0];
    const counted_pages theirs = zoneinfo("mirror_numa4");
    for (std::size_t node = 0; node < 4; ++node) {
        CHECK(ours.ordinary_zones[node] == theirs.ordinary_zones[node]);
        CHECK(ours.movable[node] == theirs.movable[node]);
    }
}

TEST_CASE("a UEFI machine without mirror") {
    setup s;
    SUBCASE("from its E820 text") {
        read(s, "ovmf_numa4", {input::e820_text, input::srat, input::slit});
    }
    SUBCASE("from its UEFI map") {
        read(s, "ovmf_numa4", {input::uefi_text, input::srat, input::slit});
    }
    SUBCASE("from both") {
        read(s, "ovmf_numa4", {input::slit, input::uefi_text, input::srat, input::e820_text});
    }
    check_nodes(s);
    CHECK(runs_of(s) == std::vector<usable_run>{run(0x0, 0xa0, 0), run(0x100, 0x806, 0), run(0x808, 0x810, 0),
                                                run(0x900, 0x40000, 0), run(0x40000, 0x7ea8a, 1),
                                                run(0x7eb8c, 0x7f4ec, 1), run(0x7f7fe, 0x7fedc, 1),
                                                run(0x100000, 0x120000, 2), run(0x120000, 0x140000, 3)});
    const counted_pages theirs = zoneinfo("ovmf_numa4");
    CHECK(theirs.ordinary_zones[0] + 1 == 0xa0 + 0x706 + 0x8 + 0x3f700);
}

TEST_CASE("a BIOS machine") {
    setup s;
    read(s, "sb_numa4", {input::e820_text, input::srat, input::slit});
    check_nodes(s);
    // Page 0x9f is half RAM, half reserved.
    CHECK(runs_of(s) == std::vector<usable_run>{run(0x0, 0x9f, 0), run(0x100, 0x40000, 0),
                                                run(0x40000, 0x7ffe0, 1), run(0x100000, 0x120000, 2),
                                                run(0x120000, 0x140000, 3)});
    const counted_pages theirs = zoneinfo("sb_numa4");
    std::uint64_t ours[4]{};
    for (const usable_run& r : runs_of(s)) ours[r.node] += r.frames.count;
    --ours[0];
    for (std::size_t node = 0; node < 4; ++node) CHECK(ours[node] == theirs.ordinary_zones[node]);

    const ashlar::memory_entry& window = s.map.entries()[s.map.entries().size() - 2];
    CHECK(window == ashlar::memory_entry{0x140000000, 0x580000000, ashlar::memory_kind::none,
                                         ashlar::memory_attribute::hot_pluggable, 3});
}

TEST_CASE("the log alone tells the nodes, but no distances") {
    setup s;
    read(s, "mirror_numa4", {input::log});
    REQUIRE(s.nodes.node_count() == 4);
    for (node_id node = 0; node < 4; ++node) CHECK(s.nodes.cpus(node) == (node < 2 ? 2 : 0));
    CHECK(s.nodes.distance(0, 1) == ashlar::remote_distance);
    CHECK(runs_of(s).size() == 11);
}

TEST_CASE("without an SRAT all memory is node 0's") {
    setup s;
    read(s, "sb_numa4", {input::e820_text});
    CHECK(s.nodes.node_count() == 1);
    for (const usable_run& r : runs_of(s)) CHECK(r.node == 0);
}

TEST_CASE("a machine with pages of 64 KiB") {
    setup s(16);
    read(s, "sb_numa4", {input::e820_text, input::srat, input::slit});
    CHECK(runs_of(s) == std::vector<usable_run>{run(0x0, 0x9, 0), run(0x10, 0x4000, 0),
                                                run(0x4000, 0x7ffe, 1), run(0x10000, 0x12000, 2),
                                                run(0x12000, 0x14000, 3)});
}

}  // namespace
