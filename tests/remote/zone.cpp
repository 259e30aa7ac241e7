// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A peer's memory as a zone of a machine.
#include <ashlar/remote/remote_zone.hpp>
//
#include <doctest/doctest.h>

#include <algorithm>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "remote/memory_aimer.hpp"
#include "zone/machines.hpp"

namespace {

using namespace zone_tests;
using remote_tests::memory_aimer;

using rows = cpu_rows<radix_buddy<platform, order_10>>;
using plain = physical_memory<radix_zone, reliability_first>;
using with_slots = physical_memory<zone<counted<rows>>, reliability_first>;

constexpr std::uint64_t own_frames = 1024;
constexpr std::uint64_t far_frames = 512;
constexpr byte_range<peer> donated{{0x1000'0000}, far_frames << 12};
constexpr range<> bar{{0x4001'0000}, far_frames};  // the window is at 0x400'1000'0000

/// Nodes 0 and 1 have memory; 2 and 3 have none until a peer gives some.
struct server : firmware {
    server() {
        ram(gibibyte, gibibyte + (own_frames << 12), 0);
        ram(2 * gibibyte, 2 * gibibyte + (own_frames << 12), 1);
        REQUIRE(nodes.add(2).has_value());
        REQUIRE(nodes.add(3).has_value());
        REQUIRE(nodes.set_distance(0, 1, 21) == errc::ok);
        REQUIRE(nodes.set_distance(1, 0, 21) == errc::ok);
        for (node_id from = 0; from < 2; ++from) {
            REQUIRE(nodes.set_distance(from, 2, 80) == errc::ok);
            REQUIRE(nodes.set_distance(from, 3, 120) == errc::ok);
        }
    }
};

template <class Memory>
struct far_memory {
    server what;
    booted<Memory> ram{what};
    identity_window<> window{{{0x1000'0000}, 64 * mebibyte}, {0x400'1000'0000}};
    remote_zone<Memory, identity_window<>> zone;
    std::vector<std::byte> metadata = std::vector<std::byte>(zone.metadata_bytes(bar));

    errc attach(node_id node = 2, byte_range<peer> from = donated) {
        return zone.attach(*ram.ram, window, from, node, {metadata.data(), metadata.size()});
    }
    /// All that there is for node 0, in the order in which it comes.
    std::vector<frame<>> take_all() {
        std::vector<frame<>> frames;
        for (;;) {
            const auto got = ram->allocate({.node = 0});
            if (!got) break;
            frames.push_back(*got);
        }
        return frames;
    }
};

TEST_CASE_TEMPLATE("a peer's memory is the last choice by distance, and goes when its frames are back",
                   Memory, plain, with_slots) {
    far_memory<Memory> host;
    const std::uint64_t before = host.ram->free_frames();
    REQUIRE(host.attach() == errc::ok);
    CHECK(host.attach() == errc::busy);
    REQUIRE(host.zone.frames() == bar);
    CHECK(host.ram->free_frames() == before + far_frames);
    CHECK(host.ram->zone_of(bar.first)->node == 2);
    CHECK(host.zone.to_peer(bar.first + 3)->value == 0x1000'3000);
    CHECK(host.zone.to_local({0x1000'3fff})->number == bar.first.number + 3);
    CHECK(host.zone.to_peer(bar.end()).error() == errc::not_owned);
    CHECK(host.zone.to_local({0x1000'0000 + (far_frames << 12)}).error() == errc::not_owned);

    // A request that names nobody far gets it last.
    auto frames = host.take_all();
    REQUIRE(frames.size() == 2 * own_frames + far_frames);
    const auto is_far = [](frame<> f) { return bar.contains(f); };
    CHECK(std::find_if(frames.begin(), frames.end(), is_far) == frames.begin() + 2 * own_frames);
    CHECK(std::all_of(frames.begin() + 2 * own_frames, frames.end(), is_far));
    CHECK(host.ram->allocate({.nodes = node_set::only(2)}).error() == errc::exhausted);

    // Not while somebody has a frame.
    CHECK(host.zone.detach() == errc::busy);
    const frame<> last = frames.back();
    frames.pop_back();
    CHECK(host.ram->free(last, 0) == errc::ok);
    CHECK(host.ram->allocate({.nodes = node_set::only(2)}).error() == errc::exhausted);
    CHECK(host.zone.readmit() == errc::ok);
    CHECK(host.ram->allocate({.nodes = node_set::only(2)}).has_value());
    CHECK(host.zone.detach() == errc::busy);
    CHECK(host.ram->free(last, 0) == errc::ok);
    for (const frame<> f : frames) CHECK(host.ram->free(f, 0) == errc::ok);
    CHECK(host.zone.detach() == errc::ok);
    CHECK_FALSE(host.zone.is_attached());
    CHECK(host.zone.detach() == errc::not_owned);
    CHECK(host.ram->free_frames() == before);
    CHECK_FALSE(host.ram->owns(bar.first));
    CHECK(host.ram->validate() == errc::ok);
}

TEST_CASE_TEMPLATE("a link that is lost takes the frames along, is told once, and the machine goes on",
                   Memory, plain, with_slots) {
    far_memory<Memory> host;
    const std::uint64_t before = host.ram->free_frames();
    REQUIRE(host.attach() == errc::ok);
    std::vector<frame<>> held;
    for (unsigned i = 0; i < 5; ++i) held.push_back(*host.ram->allocate({.nodes = node_set::only(2)}));
    const auto block = host.ram->allocate({.order = 3, .nodes = node_set::only(2)});
    REQUIRE(block.has_value());
    const auto near = host.ram->allocate({.node = 0});
    remote_loss loss;
    CHECK(host.zone.check(loss) == errc::ok);
    CHECK(loss.frames.empty());

    host.window.link_lost();
    CHECK(host.zone.check(loss) == errc::revoked);
    CHECK(loss.frames == bar);
    CHECK(loss.held == 13);
    CHECK(loss.free == far_frames - 13);
    CHECK(host.zone.is_lost());
    CHECK(host.zone.check(loss) == errc::revoked);
    CHECK(loss.frames.empty());
    CHECK(host.zone.lose().error() == errc::revoked);
    CHECK(host.zone.readmit() == errc::revoked);
    host.window.link_restored();
    CHECK(host.zone.check(loss) == errc::revoked);  // another epoch: it stays lost

    for (const frame<> f : held) CHECK(host.ram->free(f, 0) == errc::revoked);
    CHECK(host.ram->free(*block, 3) == errc::revoked);
    CHECK_FALSE(host.ram->owns(held[0]));
    CHECK(host.ram->free_frames() == before - 1);
    CHECK(host.ram->allocate({.nodes = node_set::only(2)}).error() == errc::exhausted);
    CHECK(host.take_all().size() == 2 * own_frames - 1);
    CHECK(host.ram->free(*near, 0) == errc::ok);
    CHECK(host.ram->validate() == errc::ok);

    // Another peer, at the same place of the bus, under another node.
    CHECK(host.zone.detach() == errc::ok);
    CHECK(host.ram->free(held[0], 0) == errc::not_owned);
    REQUIRE(host.attach(3, {{0x1000'0000}, (far_frames / 2) << 12}) == errc::ok);
    CHECK(host.zone.frames().count == far_frames / 2);
    const auto other = host.ram->allocate({.nodes = node_set::only(3)});
    REQUIRE(other.has_value());
    CHECK(host.zone.check(loss) == errc::ok);
    CHECK(host.ram->free(*other, 0) == errc::ok);
    CHECK(host.zone.detach() == errc::ok);
}

/// A machine whose table of zones, or metadata, refuse at the last moment.
struct refusing : plain {
    errc online_answer = errc::ok;
    errc detach_answer = errc::ok;
    errc isolate_answer = errc::ok;

    errc online(range<> frames) noexcept {
        return online_answer != errc::ok ? online_answer : plain::online(frames);
    }
    errc isolate(range<> frames) noexcept {
        return isolate_answer != errc::ok ? isolate_answer : plain::isolate(frames);
    }
    errc detach(range<> frames) noexcept {
        return detach_answer != errc::ok ? detach_answer : plain::detach(frames);
    }
};

TEST_CASE("a step that is refused after another one was done: as before, or to be repeated") {
    far_memory<refusing> host;
    refusing& ram = *host.ram.ram;
    const std::uint64_t before = ram.free_frames();
    remote_loss loss;
    ram.online_answer = errc::limit;
    CHECK(host.attach() == errc::limit);
    CHECK_FALSE(host.zone.is_attached());
    CHECK_FALSE(ram.owns(bar.first));
    CHECK(ram.free_frames() == before);
    CHECK(ram.validate() == errc::ok);
    ram.online_answer = errc::ok;
    REQUIRE(host.attach() == errc::ok);

    CHECK(host.attach() == errc::busy);
    ram.isolate_answer = errc::limit;
    CHECK(host.zone.detach() == errc::limit);
    CHECK(ram.free_frames() == before + far_frames);
    ram.isolate_answer = errc::ok;
    // Its frames are offline, but the zone stays: taken back, it is as it was.
    ram.detach_answer = errc::busy;
    CHECK(host.zone.detach() == errc::busy);
    CHECK(host.zone.is_attached());
    CHECK(ram.allocate({.nodes = node_set::only(2)}).error() == errc::exhausted);
    ram.online_answer = errc::limit;
    CHECK(host.zone.readmit() == errc::limit);
    ram.online_answer = errc::ok;
    CHECK(host.zone.readmit() == errc::ok);
    CHECK(ram.free_frames() == before + far_frames);
    const auto one = ram.allocate({.nodes = node_set::only(2)});
    REQUIRE(one.has_value());
    CHECK(ram.free(*one, 0) == errc::ok);

    // Lost while it is offline: nobody had any of it.
    CHECK(host.zone.detach() == errc::busy);
    host.window.link_lost();
    CHECK(host.zone.check(loss) == errc::revoked);
    CHECK(loss.frames.empty());
    CHECK(loss.held + loss.free == 0);
    CHECK(host.zone.is_lost());
    CHECK(host.zone.detach() == errc::busy);
    ram.detach_answer = errc::ok;
    CHECK(host.zone.detach() == errc::ok);
    CHECK(ram.free_frames() == before);
    host.window.link_restored();
    CHECK(host.attach() == errc::ok);
    CHECK(host.zone.detach() == errc::ok);
    CHECK(ram.validate() == errc::ok);
}

TEST_CASE("a link that went and came back between two checks is another one") {
    far_memory<plain> host;
    REQUIRE(host.attach() == errc::ok);
    host.window.link_lost();
    host.window.link_restored();
    remote_loss loss;
    CHECK(host.zone.check(loss) == errc::revoked);
    CHECK(loss.held == 0);
    CHECK(host.zone.detach() == errc::ok);
    CHECK(host.zone.check(loss) == errc::not_owned);
    CHECK(host.zone.lose().error() == errc::not_owned);
    CHECK(host.zone.readmit() == errc::not_owned);
}

TEST_CASE("what cannot be attached changes nothing") {
    far_memory<plain> host;
    const std::uint64_t before = host.ram->free_frames();
    CHECK(host.attach(2, {{0x1000'0000}, 0}) == errc::invalid);
    CHECK(host.attach(2, {{~std::uint64_t{0} - 0xfff}, 0x2000}) == errc::invalid);
    CHECK(host.attach(2, {{0x1000'0800}, 0x1000}) == errc::misaligned);
    CHECK(host.attach(2, {{0x1000'0000}, 0x1800}) == errc::misaligned);
    CHECK(host.attach(2, {{0x1000'0000}, 65 * mebibyte}) == errc::not_covered);
    CHECK(host.attach(4) == errc::invalid);
    CHECK(host.zone.attach(*host.ram.ram, host.window, donated, 2,
                           {host.metadata.data(), host.metadata.size()}, zone_kind::normal,
                           64) == errc::invalid);
    // Here it begins at a page, there it does not.
    const byte_range<peer> odd{{0x1000'0800}, 0x1000};
    identity_window<> shifted{odd, {0x400'1000'0000}};
    CHECK(host.zone.attach(*host.ram.ram, shifted, odd, 2, {host.metadata.data(), host.metadata.size()}) ==
          errc::misaligned);
    host.window.link_lost();
    CHECK(host.attach() == errc::revoked);
    host.window.link_restored();
    CHECK(host.zone.attach(*host.ram.ram, host.window, donated, 2, {host.metadata.data(), 16}) ==
          errc::limit);
    plain never_booted;
    CHECK(host.zone.attach(never_booted, host.window, donated, 2,
                           {host.metadata.data(), host.metadata.size()}) == errc::busy);
    identity_window<> crooked{donated, {0x400'1000'0800}};
    CHECK(host.zone.attach(*host.ram.ram, crooked, donated, 2,
                           {host.metadata.data(), host.metadata.size()}) == errc::misaligned);
    identity_window<> over_memory{donated, {gibibyte}};
    CHECK(host.zone.attach(*host.ram.ram, over_memory, donated, 2,
                           {host.metadata.data(), host.metadata.size()}) == errc::busy);
    CHECK_FALSE(host.zone.is_attached());
    CHECK(host.ram->free_frames() == before);
    CHECK(host.ram->zone_count() == 2);
    CHECK(host.attach() == errc::ok);
    // One zone, also for other bytes.
    CHECK(host.attach(2, {{0x1100'0000}, 0x1000}) == errc::busy);
    CHECK(host.ram->zone_count() == 3);
    host.window.link_lost();
    CHECK(host.zone.lose().has_value());
    CHECK(host.zone.lose().error() == errc::revoked);
    CHECK(host.zone.detach() == errc::ok);
}

TEST_CASE("a window of a cache is held while its frames are a zone's, and free to be aimed afterwards") {
    const server what;
    const booted<plain> ram(what);
    memory_aimer aimer;
    aimer.count = 2;
    aimer.bytes = 2 * mebibyte;
    aimer.base = 0x400'1000'0000;
    using cache_type = window_cache<memory_aimer>;
    std::vector<cache_type::word> words(cache_type::metadata_words(2));
    cache_type cache;
    REQUIRE(cache.attach(aimer, {words.data(), words.size()}) == errc::ok);
    remote_zone<plain, cache_type> zone;
    std::vector<std::byte> metadata(zone.metadata_bytes(bar));
    const view<std::byte> storage{metadata.data(), metadata.size()};
    CHECK(zone.attach(*ram.ram, cache, {{0x1010'0000}, 2 * mebibyte}, 2, storage) == errc::misaligned);
    REQUIRE(zone.attach(*ram.ram, cache, donated, 2, storage) == errc::ok);
    const auto page = ram->allocate({.nodes = node_set::only(2)});
    REQUIRE(page.has_value());

    // The other window alone goes round.
    for (std::uint64_t block = 1; block < 20; ++block) {
        auto pin = cache.pin({0x2000'0000 + block * aimer.bytes}, 8);
        CHECK(pin);
    }
    CHECK(aimer.targets[0] + aimer.targets[1] == 0x1000'0000 + 0x2000'0000 + 19 * aimer.bytes);
    CHECK(zone.to_peer(*page)->value == 0x1000'0000 + ((page->number << 12) % aimer.bytes));
    auto one = cache.pin({0x3000'0000}, 8, pin_owner::device);
    CHECK(cache.pin({0x3100'0000}, 8).error() == errc::busy);
    one.release();
    CHECK(cache.forget(donated) == errc::busy);  // the peer wants it back: the zone has to go before
    CHECK(zone.detach() == errc::busy);
    CHECK(ram->free(*page, 0) == errc::ok);
    CHECK(zone.detach() == errc::ok);
    CHECK(cache.forget(donated) == errc::ok);
    auto first = cache.pin({0x3000'0000}, 8, pin_owner::device);
    auto second = cache.pin({0x3100'0000}, 8);
    CHECK(first);
    CHECK(second);
}

TEST_CASE("who forgets a zone leaves it to the machine, and its window where it is") {
    static_assert(!std::is_move_constructible_v<remote_zone<plain, identity_window<>>>);
    static_assert(!std::is_move_assignable_v<remote_zone<plain, identity_window<>>>);
    const server what;
    const booted<plain> ram(what);
    memory_aimer aimer;
    aimer.count = 2;
    aimer.bytes = 2 * mebibyte;
    aimer.base = 0x400'1000'0000;
    using cache_type = window_cache<memory_aimer>;
    std::vector<cache_type::word> words(cache_type::metadata_words(2));
    cache_type cache;
    REQUIRE(cache.attach(aimer, {words.data(), words.size()}) == errc::ok);
    std::vector<std::byte> metadata(plain::metadata_words(bar));
    const std::uint64_t before = ram->free_frames();
    {
        remote_zone<plain, cache_type> zone;
        REQUIRE(zone.attach(*ram.ram, cache, donated, 2, {metadata.data(), metadata.size()}) == errc::ok);
    }
    CHECK(ram->free_frames() == before + far_frames);
    CHECK(cache.pins_of(0, pin_owner::device) + cache.pins_of(1, pin_owner::device) == 1);
    const auto page = ram->allocate({.nodes = node_set::only(2)});
    REQUIRE(page.has_value());
    for (std::uint64_t block = 1; block < 20; ++block)
        CHECK(cache.pin({0x2000'0000 + block * aimer.bytes}, 8));
    CHECK(aimer.targets[0] + aimer.targets[1] == 0x1000'0000 + 0x2000'0000 + 19 * aimer.bytes);
    CHECK(ram->free(*page, 0) == errc::ok);
    CHECK(ram->validate() == errc::ok);
}

}  // namespace
