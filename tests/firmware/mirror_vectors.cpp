// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/linux_log.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/byte_writer.hpp"
#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// The memory maps of CN104252419 and of systems with mirrored memory, with their published figures.
namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::frame;
using ashlar::node_id;
using ashlar::usable_run;
using firmware_tests::byte_writer;
using firmware_tests::dump;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::text;
using enum ashlar::memory_kind;

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

std::vector<usable_run> runs_of(const setup& s) {
    std::vector<usable_run> runs;
    s.map.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
    return runs;
}

/// Usable frames by node.
struct node_frames {
    std::uint64_t mirrored[4]{};
    std::uint64_t ordinary[4]{};
};

node_frames frames_of(const setup& s) {
    node_frames frames;
    for (const usable_run& run : runs_of(s)) {
        REQUIRE(run.node < 4);
        (run.mirrored ? frames.mirrored : frames.ordinary)[run.node] += run.frames.count;
    }
    return frames;
}

TEST_CASE("the patent's map as printed: every defect is reported") {
    const dump file("patent-48g-printed.txt");
    setup s;
    CHECK(ashlar::read_linux_log(file.text(), s.map, &s.nodes, s.defects) == errc::ok);

    struct {
        defect_kind kind;
        std::uint64_t first;
        std::uint64_t last;
    } const expected[] = {
        {defect_kind::digits, 0x100000, 0x3fffffff},
        {defect_kind::hole, 0xbf7e0000, 0xbf7ebfff},
        {defect_kind::inverted, 13 * gibibyte, 0x5fffffff},
        {defect_kind::inverted, 25 * gibibyte, 0xbfffffff},
        {defect_kind::label_mismatch, 37 * gibibyte, 49 * gibibyte - 1},
    };
    REQUIRE(s.defects.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(s.defects[i].source == ashlar::table::e820);
        CHECK(s.defects[i].kind == expected[i].kind);
        CHECK(s.defects[i].first == expected[i].first);
        CHECK(s.defects[i].last == expected[i].last);
    }
    // Inverted ranges are not believed, and nothing fills their places.
    CHECK(kind_at(s.map, 13 * gibibyte) == none);
    CHECK(kind_at(s.map, 25 * gibibyte) == none);
    CHECK(kind_at(s.map, 0xbf7e0000) == none);
}

TEST_CASE("the patent's map as corrected: four nodes of 12 GiB") {
    const dump file("patent-48g-corrected.txt");
    setup s;
    bool nodes_first = false;
    SUBCASE("nodes before the map") {
        nodes_first = true;
    }
    SUBCASE("nodes after the map") {}
    const auto set_nodes = [&] {
        for (node_id node = 0; node < 4; ++node) {
            REQUIRE(s.nodes.add(node).has_value());
            CHECK(s.map.set_node(node * 12 * gibibyte, (node + 1u) * 12 * gibibyte, node) == errc::ok);
        }
    };
    if (nodes_first) set_nodes();
    CHECK(ashlar::read_linux_log(file.text(), s.map, nullptr, s.defects) == errc::ok);
    if (!nodes_first) set_nodes();
    ashlar::assign_nodes(s.map, s.nodes, s.defects);

    const node_frames frames = frames_of(s);
    CHECK(frames.ordinary[0] == 2619434);
    CHECK(frames.mirrored[0] == 261888);
    for (node_id node = 1; node < 4; ++node) {
        CHECK(frames.mirrored[node] == 262144);
        CHECK(frames.ordinary[node] == 2883584);
    }
    std::uint64_t mirrored = 0;
    std::uint64_t ordinary = 0;
    for (node_id node = 0; node < 4; ++node) {
        mirrored += frames.mirrored[node];
        ordinary += frames.ordinary[node];
    }
    CHECK(mirrored == 1048320);
    CHECK(ordinary == 11270186);
    // The hole stays a hole.
    REQUIRE(s.defects.size() == 1);
    CHECK(s.defects[0].kind == defect_kind::hole);
    CHECK(s.defects[0].first == 0xbf7e0000);
    // Page 0x9a is half usable.
    CHECK(runs_of(s)[0] == usable_run{{frame<>{0}, 0x9a}, 0, false, false});
}

TEST_CASE("V5: mirrored parts at the two ends of the nodes of one range") {
    byte_writer bytes;
    bytes.e820(4 * gibibyte, std::uint64_t{129536} << 20, 1);
    setup s;
    CHECK(ashlar::read_e820(bytes.bytes(), 20, s.map, s.defects) == errc::ok);
    CHECK(s.map.mirror(4 * gibibyte, 6 * gibibyte) == errc::ok);
    CHECK(s.map.mirror(0x10a0000000, 0x10a0000000 + 2 * gibibyte) == errc::ok);
    const std::uint64_t mebibytes[] = {2048, 61952, 2048, 63488};
    const std::vector<usable_run> runs = runs_of(s);
    REQUIRE(runs.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(runs[i].frames.count == mebibytes[i] << 8);
        CHECK(runs[i].mirrored == (i % 2 == 0));
    }
    CHECK(runs[2].frames.first.number == 0x10a0000);
}

TEST_CASE("V6: spanned and present") {
    setup s;
    const auto log = text(
        "BIOS-e820: [mem 0x0000000000001000-0x000000000009efff] usable\n"
        "BIOS-e820: [mem 0x0000000000100000-0x00000000bffdefff] usable\n"
        "BIOS-e820: [mem 0x0000000100000000-0x00000001bfffffff] usable\n");
    CHECK(ashlar::read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
    const std::vector<usable_run> runs = runs_of(s);
    CHECK(runs.back().frames.end().number - runs.front().frames.first.number == 1835007);
    CHECK(s.map.usable_frames() == 1572733);
    CHECK(s.defects.empty());
}

TEST_CASE("rule 13: what is partial is dropped, what is wrong is not trusted, holes stay holes") {
    setup s;
    const auto log = text(
        "BIOS-e820: [mem 0x0000000000000000-0x000000000009a7ff] usable\n"
        "BIOS-e820: [mem 0x0000000000200000-0x00000000001fffff] usable\n"
        "BIOS-e820: [mem 0x0000000000300000-0x00000000002fffff] usable\n"
        "BIOS-e820: [mem 0x0000000000400000-0x00000000004fffff] usable\n"
        "BIOS-e820: [mem 0x0000000000480000-0x000000000057ffff] reserved\n"
        "BIOS-e820: [mem 0x0000000000100000-0x00000000001effff] mirror\n"
        "BIOS-e820: [mem 0x0000000000900000-0x00000000008f0000] usable\n");
    CHECK(ashlar::read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
    CHECK(runs_of(s) == std::vector<usable_run>{{{frame<>{0}, 0x9a}, any_node, false, false},
                                                {{frame<>{0x100}, 0xf0}, any_node, true, false},
                                                {{frame<>{0x400}, 0x80}, any_node, false, false}});
    CHECK(s.defects.size() == 5);
    CHECK(s.defects.count(defect_kind::zero_length) == 2);
    CHECK(s.defects.count(defect_kind::overlap) == 1);
    CHECK(s.defects.count(defect_kind::misordered) == 1);
    CHECK(s.defects.count(defect_kind::inverted) == 1);
}

}  // namespace
