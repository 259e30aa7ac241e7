// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Metadata taken out of the machine's own memory.
#include <ashlar/zone/metadata_plan.hpp>
#include <cstring>
#include <map>

#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

using reliable = physical_memory<radix_zone>;

/// Memory of a machine that exists only where metadata lie.
struct backing {
    std::map<std::uint64_t, std::vector<std::byte>> pieces;
    std::byte* operator()(range<> frames) {
        auto& bytes = pieces[frames.first.number];
        bytes.resize(frames.count << 12);
        return bytes.data();
    }
};

std::uint64_t usable_in(const firmware& machine, range<> frames) {
    std::uint64_t count = 0;
    machine.map.for_each_usable([&](const usable_run& run) { count += run.frames.clipped_to(frames).count; });
    return count;
}

TEST_CASE("each node keeps its own metadata, in mirrored memory where it has some") {
    patent_machine machine;
    const std::uint64_t before = machine.map.usable_frames();
    metadata_piece pieces[4];
    const auto count = plan_metadata<reliable>(machine.map, machine.nodes, pieces);
    REQUIRE(count.has_value());
    REQUIRE(*count == 4);
    std::uint64_t frames = 0;
    for (node_id node = 0; node < 4; ++node) {
        CHECK(pieces[node].node == node);
        CHECK(usable_in(machine, pieces[node].frames) == 0);
        const std::uint64_t mirror_end = (node * 12 + 1) * frames_per_gibibyte;
        CHECK(pieces[node].frames.end().number == mirror_end);
        frames += pieces[node].frames.count;
    }
    CHECK(machine.map.usable_frames() == before - frames);

    backing bytes;
    const auto ram = std::make_unique<reliable>();
    REQUIRE(ram->boot(machine.map, machine.nodes, {pieces, *count}, bytes) == errc::ok);
    CHECK(bytes.pieces.size() == 4);
    CHECK(ram->free_frames() == before - frames);
    for (const metadata_piece& piece : pieces) {
        CHECK_FALSE(ram->owns(piece.frames.first));
        CHECK(ram->owns({piece.frames.first.number - 1}));
    }
    while (ram->allocate({.order = 10})) {
    }
    CHECK(ram->validate() == errc::ok);

    // Another instance takes the same pieces over.
    const auto other = std::make_unique<reliable>();
    REQUIRE(other->boot(machine.map, machine.nodes, {pieces, *count}, bytes, start::recover) == errc::ok);
    CHECK(other->free_frames() == ram->free_frames());
}

TEST_CASE("a piece is as large as boot needs and no page larger") {
    patent_machine machine;
    metadata_piece pieces[4];
    const auto count = plan_metadata<reliable>(machine.map, machine.nodes, pieces);
    REQUIRE(count.has_value());
    --pieces[2].frames.count;
    backing bytes;
    const auto ram = std::make_unique<reliable>();
    CHECK(ram->boot(machine.map, machine.nodes, {pieces, *count}, bytes) == errc::limit);
    CHECK(ram->zone_count() == 0);
    CHECK(ram->boot(machine.map, machine.nodes, {pieces, 3}, bytes) == errc::limit);
    CHECK(ram->boot(machine.map, machine.nodes, view<const metadata_piece>{}, bytes) == errc::limit);
    ++pieces[2].frames.count;
    CHECK(ram->boot(machine.map, machine.nodes, {pieces, *count}, bytes) == errc::ok);
}

TEST_CASE("a machine is booted once at a time") {
    patent_machine machine;
    metadata_piece pieces[4];
    const auto count = plan_metadata<reliable>(machine.map, machine.nodes, pieces);
    REQUIRE(count.has_value());
    backing bytes;
    const auto ram = std::make_unique<reliable>();
    unsigned refused = 0;
    const auto bytes_while_it_boots = [&](range<> frames) {
        backing others;
        refused += ram->boot(machine.map, machine.nodes, {pieces, *count}, others) == errc::busy ? 1 : 0;
        return bytes(frames);
    };
    CHECK(ram->boot(machine.map, machine.nodes, {pieces, *count}, bytes_while_it_boots) == errc::ok);
    CHECK(refused >= *count);
    CHECK(ram->validate() == errc::ok);
}

TEST_CASE("hot-pluggable memory holds no metadata; a node without room borrows from the nearest") {
    firmware machine;
    machine.ram(4 * gibibyte, 5 * gibibyte, 0);
    machine.ram(6 * gibibyte, 7 * gibibyte, 1);
    machine.ram(8 * gibibyte, 9 * gibibyte, 2);
    REQUIRE(machine.map.add(10 * gibibyte, 11 * gibibyte, memory_kind::usable) == errc::ok);
    REQUIRE(machine.nodes.add(3).has_value());
    REQUIRE(machine.map.set_node(10 * gibibyte, 11 * gibibyte, 3, true) == errc::ok);
    for (node_id from = 0; from < 4; ++from) {
        for (node_id to = 0; to < 4; ++to) {
            const bool near = (from ^ to) == 2;
            const unsigned distance = from == to ? 10 : near ? 15 : 20;
            REQUIRE(machine.nodes.set_distance(from, to, static_cast<std::uint8_t>(distance)) == errc::ok);
        }
    }
    metadata_piece pieces[4];
    const auto count = plan_metadata<reliable>(machine.map, machine.nodes, pieces);
    REQUIRE(count.has_value());
    REQUIRE(*count == 4);
    CHECK(pieces[0].frames.end().number == 5 * frames_per_gibibyte);
    CHECK(pieces[1].frames.end().number == 7 * frames_per_gibibyte);
    CHECK(pieces[3].node == 3);
    CHECK(pieces[3].frames.end() == pieces[1].frames.first);
    backing bytes;
    const auto ram = std::make_unique<reliable>();
    CHECK(ram->boot(machine.map, machine.nodes, {pieces, *count}, bytes) == errc::ok);
    CHECK(ram->zone_of({10 * frames_per_gibibyte})->node == 3);
}

TEST_CASE("low memory comes last") {
    firmware machine;
    machine.ram(0x100000, gibibyte, 0);
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    metadata_piece piece[1];
    REQUIRE(plan_metadata<reliable>(machine.map, machine.nodes, piece).has_value());
    CHECK(piece[0].frames.end().number == (4 * gibibyte + 64 * mebibyte) >> 12);
}

TEST_CASE("what cannot be planned is refused and the map left alone") {
    patent_machine machine;
    const std::uint64_t before = machine.map.usable_frames();
    metadata_piece pieces[4];
    CHECK(plan_metadata<reliable>(machine.map, machine.nodes, {pieces, 3}).error() == errc::limit);
    using few =
        physical_memory<radix_zone, reliability_first, machine_shape{.max_zones = 2, .spare_zones = 0}>;
    CHECK(plan_metadata<few>(machine.map, machine.nodes, pieces).error() == errc::limit);
    CHECK(machine.map.usable_frames() == before);

    // No place in the map to say that the piece is taken.
    memory_entry one[1];
    memory_map full{one};
    topology node;
    REQUIRE(node.add(0).has_value());
    REQUIRE(full.add(gibibyte, 2 * gibibyte, memory_kind::usable) == errc::ok);
    CHECK(plan_metadata<reliable>(full, node, pieces).error() == errc::limit);

    firmware tiny;
    tiny.ram(0, 0x1000, 0);  // frame 0 holds no metadata
    CHECK(plan_metadata<reliable>(tiny.map, tiny.nodes, pieces).error() == errc::exhausted);
    firmware nothing;
    const auto none = plan_metadata<reliable>(nothing.map, nothing.nodes, pieces);
    REQUIRE(none.has_value());
    CHECK(*none == 0);
}

}  // namespace
