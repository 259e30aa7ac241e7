// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a booted machine does with preferences, nodes and limits.
#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

using reliable = physical_memory<radix_zone, reliability_first>;
using lenient = physical_memory<radix_zone, last_resort<reliability_first>>;

/// Node 0: 64 MiB mirrored and 64 MiB ordinary; node 1: 64 MiB ordinary; all above 4 GiB.
struct small_machine : firmware {
    small_machine() {
        ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0, true);
        ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 0);
        ram(6 * gibibyte, 6 * gibibyte + 64 * mebibyte, 1);
    }
};

template <class Memory>
std::size_t take_all(const booted<Memory>& ram, request<> wanted) {
    std::size_t count = 0;
    while (ram->allocate(wanted)) ++count;
    return count;
}

TEST_CASE("ordinary requests leave mirrored memory alone, unless as a last resort") {
    const small_machine machine;
    const booted<reliable> strict(machine);
    CHECK(take_all(strict, {.order = 10, .mirror = mirror::ordinary}) == 32);
    CHECK(take_all(strict, {.order = 10}) == 0);
    CHECK(take_all(strict, {.order = 10, .mirror = mirror::required}) == 16);
    const booted<lenient> resort(machine);
    CHECK(take_all(resort, {.order = 10}) == 48);
}

TEST_CASE("the default preference can change at run time; what a request says wins") {
    const small_machine machine;
    const booted<reliable> ram(machine);
    const auto mirrored = [&](request<> wanted) { return ram->zone_of(*ram->allocate(wanted))->mirrored; };
    CHECK(ram->default_mirror() == mirror::ordinary);
    CHECK_FALSE(mirrored({}));
    ram->set_default_mirror(mirror::preferred);
    CHECK(mirrored({}));
    CHECK(ram->zone_of(*ram->allocate(0))->mirrored);
    CHECK_FALSE(mirrored({.mirror = mirror::ordinary}));
    ram->set_default_mirror(mirror::unspecified);
    CHECK_FALSE(mirrored({}));
    CHECK(mirrored({.mirror = mirror::required}));
}

TEST_CASE("without mirrored memory a mirror request is served from ordinary memory") {
    firmware machine;
    machine.ram(5 * gibibyte, 6 * gibibyte, 0);
    const booted<reliable> ram(machine);
    CHECK_FALSE(ram->has_mirror());
    CHECK(ram->allocate({.mirror = mirror::preferred}).has_value());
    CHECK(ram->allocate({.mirror = mirror::required}).has_value());
    ram->for_each_zone(
        [](const zone_description& what, const auto&) { CHECK(what.kind == zone_kind::normal); });
}

TEST_CASE("nodes: nearest first, bound when bound, nothing from a node that is not there") {
    const small_machine machine;
    const booted<reliable> ram(machine);
    const auto node_of = [&](request<> wanted) { return ram->zone_of(*ram->allocate(wanted))->node; };
    CHECK(node_of({.node = 1}) == 1);
    CHECK(node_of({.node = 0}) == 0);
    CHECK(node_of({.node = 0, .nodes = node_set::only(1)}) == 1);
    CHECK(node_of({.node = 57}) == 0);
    CHECK(ram->allocate({.nodes = node_set::only(7)}).error() == errc::exhausted);
    CHECK(ram->allocate({.nodes = {0}}).error() == errc::exhausted);
    CHECK(ram->allocate({.nodes = node_set::only(1), .mirror = mirror::required}).error() == errc::exhausted);
    CHECK(ram->nodes_with_memory() == (node_set::only(0) | node_set::only(1)));
    // Bound to node 1 all of it can be had, and no more.
    CHECK(take_all(ram, {.node = 0, .nodes = node_set::only(1)}) == 64 * mebibyte / 4096 - 2);
    CHECK(node_of({.node = 1}) == 0);
}

TEST_CASE("below bounds the whole block") {
    const small_machine machine;
    const booted<reliable> ram(machine);
    const frame<> limit{5 * frames_per_gibibyte + 700};
    const auto block = ram->allocate({.order = 9, .below = limit});
    REQUIRE(block.has_value());
    CHECK(block->number + 512 <= limit.number);
    CHECK(ram->allocate({.order = 9, .below = limit}).error() == errc::exhausted);
    CHECK(ram->allocate({.order = 7, .below = limit}).has_value());
    CHECK(ram->allocate({.order = 7, .below = limit}).error() == errc::exhausted);
    CHECK(ram->allocate({.order = 0, .below = {3}}).error() == errc::exhausted);
}

TEST_CASE("a frame goes back to the zone that holds it") {
    const small_machine machine;
    const booted<reliable> ram(machine);
    const auto far = ram->allocate({.order = 3, .nodes = node_set::only(1)});
    const std::uint64_t before = ram->free_frames();
    CHECK(ram->free(*far, 3) == errc::ok);
    CHECK(ram->free_frames() == before + 8);
    CHECK(ram->free(*far, 3) == errc::double_free);
    CHECK(ram->free({17}, 0) == errc::not_owned);
    CHECK(ram->free({5 * frames_per_gibibyte + 64 * mebibyte / 4096}, 0) == errc::not_owned);
    CHECK(ram->free({5 * frames_per_gibibyte + 1}, 1) == errc::misaligned);
    CHECK(ram->free(*far, 11) == errc::unsupported);
    CHECK(ram->allocate({.order = 11}).error() == errc::unsupported);
    CHECK(ram->validate() == errc::ok);
}

TEST_CASE("frame 0 is there, and only handed out when asked for") {
    firmware machine;
    machine.ram(0, 0x9f000, 0);
    const booted<reliable> ram(machine);
    CHECK(ram->owns({0}));
    CHECK(ram->free_frames() == 0x9f);
    CHECK(take_all(ram, {}) == 0x9e);
    CHECK(ram->free_frames() == 1);
    CHECK(ram->allocate_at({{0}, 1}) == errc::ok);
    CHECK(ram->free({0}, 0) == errc::ok);
    CHECK(ram->allocate({}).error() == errc::exhausted);
}

TEST_CASE("boot refuses what does not fit, and keeps nothing of it") {
    const small_machine machine;
    reliable ram;
    const std::size_t needed = reliable::metadata_bytes(machine.map, machine.nodes);
    std::vector<std::byte> metadata(needed);
    for (const std::size_t size : {std::size_t{0}, std::size_t{100}, needed / 2, needed - 64}) {
        CHECK(ram.boot(machine.map, machine.nodes, {metadata.data(), size}) == errc::limit);
        CHECK(ram.zone_count() == 0);
        CHECK(ram.allocate(0).error() == errc::exhausted);
        CHECK(ram.free({5 * frames_per_gibibyte}, 0) == errc::not_owned);
    }
    CHECK(ram.boot(machine.map, machine.nodes, {metadata.data(), metadata.size()}) == errc::ok);
    CHECK(ram.boot(machine.map, machine.nodes, {metadata.data(), metadata.size()}) == errc::busy);
    using few =
        physical_memory<radix_zone, reliability_first, machine_shape{.max_zones = 1, .spare_zones = 0}>;
    few less;
    std::vector<std::byte> enough(2 * needed);
    CHECK(less.boot(machine.map, machine.nodes, {enough.data(), enough.size()}) == errc::limit);
    CHECK(less.zone_count() == 0);
}

TEST_CASE("a machine is recovered from the metadata of another, wherever they lie") {
    const small_machine machine;
    const booted<reliable> ram(machine);
    const auto held = ram->allocate({.order = 4, .mirror = mirror::required});
    REQUIRE(held.has_value());
    std::vector<std::byte> copy(ram.metadata.size() + 64);
    const auto offset_of = [](const std::byte* at) { return 64 - reinterpret_cast<std::uintptr_t>(at) % 64; };
    // Zones lie at the same offsets from the first cache line on.
    std::copy(ram.metadata.begin() + static_cast<std::ptrdiff_t>(offset_of(ram.metadata.data()) % 64),
              ram.metadata.end(), copy.begin() + static_cast<std::ptrdiff_t>(offset_of(copy.data()) % 64));
    reliable again;
    REQUIRE(again.boot(machine.map, machine.nodes, {copy.data(), copy.size()}, start::recover) == errc::ok);
    CHECK(again.free_frames() == ram->free_frames());
    CHECK(again.validate() == errc::ok);
    CHECK(again.free(*held, 4) == errc::ok);
    CHECK(again.free(*held, 4) == errc::double_free);

    firmware other;
    other.ram(4 * gibibyte, 4 * gibibyte + 32 * mebibyte, 0, true);
    reliable wrong;
    CHECK(wrong.boot(other.map, other.nodes, {copy.data(), copy.size()}, start::recover) == errc::corrupt);
    CHECK(wrong.zone_count() == 0);
}

TEST_CASE("a map with more holes than a zone can remember loses their edges, and says how much") {
    firmware machine;
    memory_entry many[1024];
    memory_map map{many};
    // 3 MiB of every 4: each stretch begins and ends inside a 2 MiB line.
    for (std::uint64_t i = 0; i < 200; ++i) {
        const std::uint64_t begin = 5 * gibibyte + i * 4 * mebibyte + mebibyte / 2;
        REQUIRE(map.add(begin, begin + 3 * mebibyte, memory_kind::usable) == errc::ok);
    }
    reliable ram;
    std::vector<std::byte> metadata(reliable::metadata_bytes(map, machine.nodes));
    REQUIRE(ram.boot(map, machine.nodes, {metadata.data(), metadata.size()}) == errc::ok);
    CHECK(ram.dropped_frames() > 0);
    CHECK(ram.free_frames() + ram.dropped_frames() == 200 * 3 * mebibyte / 4096);
    CHECK(ram.validate() == errc::ok);
    while (const auto got = ram.allocate(0)) {
        const std::uint64_t inside = (got->number * 4096 - 5 * gibibyte) % (4 * mebibyte);
        REQUIRE(inside >= mebibyte / 2);
        REQUIRE(inside < mebibyte / 2 + 3 * mebibyte);
    }
}

/// Counts how often the guard is taken.
struct guarded : platform {
    inline static int sections = 0;
    struct cpu_guard {
        cpu_guard() noexcept { ++sections; }
    };
};

TEST_CASE("a long search drops the guard between sections, and effort cuts it off") {
    using memory = physical_memory<zone<radix_buddy<guarded, order_10>>, reliability_first,
                                   machine_shape{.section_effort = 4}>;
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 128 * mebibyte, 0);
    const booted<memory> ram(machine);
    // 64 lines of single free frames: each may hold a pair until somebody looked.
    std::vector<frame<>> held;
    while (const auto got = ram->allocate(0)) held.push_back(*got);
    for (const frame<> f : held) {
        if (f.number % 2 == 0) REQUIRE(ram->free(f, 0) == errc::ok);
    }
    for (const frame<> f : held) {
        // One pair a line arrives, and one of its frames goes again: the hints stay.
        if (f.number % 512 != 1) continue;
        REQUIRE(ram->free(f, 0) == errc::ok);
        REQUIRE(ram->allocate_at({f, 1}) == errc::ok);
    }
    CHECK(ram->allocate({.order = 1, .effort = 10}).error() == errc::limit);
    guarded::sections = 0;
    CHECK(ram->allocate(1).error() == errc::exhausted);
    // 10 of the 64 lines were settled by the request before.
    CHECK(guarded::sections >= 54 / 4);
    guarded::sections = 0;
    CHECK(ram->allocate(1).error() == errc::exhausted);
    // The first choice, its list, and a look at what CPUs keep.
    CHECK(guarded::sections == 3);
    CHECK(ram->validate() == errc::ok);
}

}  // namespace
