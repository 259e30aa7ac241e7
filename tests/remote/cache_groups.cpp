// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several blocks of a cache of windows at once: aimed together, all or none, at the cost of one.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/registers_switchtec.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <cstdio>
#include <set>
#include <utility>
#include <vector>

#include "remote/memory_aimer.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

using cache_type = window_cache<memory_group_aimer>;
using pin_type = cache_type::pin_type;
using attached = attached_cache<cache_type, memory_group_aimer>;

[[nodiscard]] byte_range<peer> page(std::uint64_t number, std::uint64_t offset = 0, std::uint64_t bytes = 8) {
    return {{number * 0x1000 + offset}, bytes};
}

TEST_CASE("blocks without a window are aimed together, the others are held first") {
    memory_group_aimer bridge;
    bridge.count = 8;
    attached with(bridge);
    REQUIRE(with.answer == errc::ok);
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(with.cache.pin(page(i).first, 8));
    CHECK(bridge.groups == 0);
    // Two are there; one of the others is asked for three times.
    const byte_range<peer> wanted[] = {page(20), page(1, 16), page(30), page(20, 8),
                                       page(2),  page(40),    page(20)};
    pin_type pins[7];
    REQUIRE(with.cache.pin_all(wanted, pins, pin_owner::dma) == errc::ok);
    CHECK(bridge.groups == 1);
    CHECK(bridge.largest == 3);
    CHECK(bridge.aims == 4 + 3);
    for (std::size_t i = 0; i < 7; ++i) {
        CHECK(bridge.arrives(pins[i].local()->value) == wanted[i].first.value);
        CHECK(pins[i].owner() == pin_owner::dma);
    }
    CHECK(with.cache.pins_of(pins[0].handle().window, pin_owner::dma) == 3);
    CHECK(pins[0].handle().generation == pins[6].handle().generation);
    // Those that stayed were not those that are needed.
    CHECK(with.cache.pin(page(1).first, 8));
    CHECK(bridge.aims == 7);
    for (pin_type& each : pins) each.release();
    CHECK(with.cache.detach() == errc::ok);
    CHECK(!bridge.is_wrong);
}

TEST_CASE("neighbours that are asked for together come side by side") {
    memory_group_aimer bridge;
    bridge.count = 8;
    attached with(bridge);
    const byte_range<peer> wanted[] = {page(9), page(10), page(11), page(12)};
    pin_type pins[4];
    REQUIRE(with.cache.pin_all(wanted, pins) == errc::ok);
    for (std::size_t i = 1; i < 4; ++i) CHECK(pins[i].local()->value == pins[i - 1].local()->value + 0x1000);
}

TEST_CASE("more blocks than one group has") {
    memory_group_aimer bridge;
    bridge.count = 40;
    attached with(bridge);
    std::vector<byte_range<peer>> wanted;
    for (std::uint64_t i = 0; i < 40; ++i) wanted.push_back(page(100 + i * 3));
    std::vector<pin_type> pins(40);
    REQUIRE(with.cache.pin_all({wanted.data(), 40}, {pins.data(), 40}) == errc::ok);
    CHECK(bridge.groups == 3);
    CHECK(bridge.largest == 16);
    for (std::size_t i = 0; i < 40; ++i)
        CHECK(bridge.arrives(pins[i].local()->value) == wanted[i].first.value);
    CHECK(!bridge.is_wrong);
}

TEST_CASE("all or none, whatever fails") {
    memory_group_aimer bridge;
    attached with(bridge);
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(with.cache.pin(page(i).first, 8));
    const byte_range<peer> wanted[] = {page(2), page(7), page(8)};
    pin_type pins[3];
    const auto none_is_left = [&] {
        for (const pin_type& each : pins) CHECK(!each);
        for (std::uint32_t i = 0; i < 4; ++i) CHECK(with.cache.pins_of(i, pin_owner::cpu) == 0);
    };
    SUBCASE("windows that others hold") {
        auto first = with.cache.pin(page(0).first, 8, pin_owner::device);
        auto second = with.cache.pin(page(1).first, 8);
        CHECK(with.cache.pin_all(wanted, pins) == errc::busy);
        for (const pin_type& each : pins) CHECK(!each);
        CHECK(bridge.arrives(first.local()->value) == 0);
        CHECK(bridge.arrives(second.local()->value) == 0x1000);
        CHECK(bridge.groups == 0);
        second.release();
        CHECK(with.cache.pin_all(wanted, pins) == errc::ok);
    }
    SUBCASE("a block that is refused is remembered, and asked for no more") {
        bridge.refused = {0x8000};
        CHECK(with.cache.pin_all(wanted, pins) == errc::not_covered);
        none_is_left();
        const std::uint64_t asked = bridge.asked;
        CHECK(with.cache.pin_all(wanted, pins) == errc::not_covered);
        CHECK(with.cache.pin(page(8).first, 8).error() == errc::not_covered);
        CHECK(bridge.asked == asked);
        none_is_left();
        CHECK(with.cache.forget(page(8)) == errc::ok);
        bridge.refused.clear();
        CHECK(with.cache.pin_all(wanted, pins) == errc::ok);
        CHECK(bridge.arrives(pins[2].local()->value) == 0x8000);
    }
    SUBCASE("a bridge that fails: none of them is shown, and all can be had again") {
        bridge.refused = {0x8000};
        bridge.refusal = errc::corrupt;
        CHECK(with.cache.pin_all(wanted, pins) == errc::corrupt);
        none_is_left();
        for (const std::uint64_t each : bridge.targets) CHECK((each != 0x7000 && each != 0x8000));
        bridge.refused.clear();
        CHECK(with.cache.pin_all(wanted, pins) == errc::ok);
        CHECK(bridge.arrives(pins[1].local()->value) == 0x7000);
    }
    SUBCASE("a window that does not close is passed over") {
        for (bridge.stuck = 0; bridge.stuck < bridge.count; ++bridge.stuck) {
            CHECK(with.cache.pin_all(wanted, pins) == errc::ok);
            for (std::size_t i = 0; i < 3; ++i)
                CHECK(bridge.arrives(pins[i].local()->value) == wanted[i].first.value);
            for (pin_type& each : pins) each.release();
            for (std::uint64_t i = 10; i < 14; ++i) REQUIRE(with.cache.pin(page(i).first, 8));
        }
    }
    SUBCASE("a link that is down") {
        with.cache.link_lost();
        CHECK(with.cache.pin_all(wanted, pins) == errc::revoked);
        none_is_left();
        with.cache.link_restored();
        CHECK(with.cache.pin_all(wanted, pins) == errc::ok);
    }
    SUBCASE("more than there are windows") {
        const byte_range<peer> five[] = {page(10), page(11), page(12), page(13), page(14)};
        pin_type many[5];
        CHECK(with.cache.pin_all(five, many) == errc::too_large);
        CHECK(bridge.groups == 0);
    }
    for (pin_type& each : pins) each.release();
    CHECK(with.cache.detach() == errc::ok);
    CHECK(!bridge.is_wrong);
}

TEST_CASE("where the last window goes first they are aimed one by one") {
    memory_group_aimer bridge;
    bridge.ordered = true;
    attached with(bridge);
    const byte_range<peer> wanted[] = {page(2), page(7), page(8)};
    pin_type pins[3];
    REQUIRE(with.cache.pin_all(wanted, pins) == errc::ok);
    CHECK(bridge.groups == 0);
    CHECK(!bridge.is_wrong);
}

/// Random sets of blocks, some pinned meanwhile by others, some refused, some windows stuck: what is had
/// leads where it should, what fails leaves nothing, what is forgotten is shown by no window.
TEST_CASE("model: sets of blocks") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        testing::random_bits random(seed);
        memory_group_aimer bridge;
        bridge.count = 2 + static_cast<std::uint32_t>(random() % 20);
        attached with(bridge);
        std::vector<pin_type> held;
        std::uint64_t wrong = 0;
        for (int step = 0; step < 800; ++step) {
            const std::uint64_t bad = random() % 160;
            bridge.refused.assign(bad < 40 ? 1 : 0, bad * 0x1000);
            bridge.refusal = random() % 2 == 0 ? errc::not_covered : errc::corrupt;
            bridge.stuck = random() % 10 == 0 ? static_cast<std::uint32_t>(random() % bridge.count)
                                              : memory_aimer::no_window;
            std::vector<byte_range<peer>> wanted;
            for (std::uint64_t i = 1 + random() % 24; i != 0; --i)
                wanted.push_back(page(random() % 40, 8 * i));
            std::vector<pin_type> pins(wanted.size());
            const errc answer =
                with.cache.pin_all({wanted.data(), wanted.size()}, {pins.data(), pins.size()});
            for (std::size_t i = 0; i < wanted.size(); ++i) {
                if (answer == errc::ok) {
                    wrong += bridge.arrives(pins[i].local()->value) == wanted[i].first.value ? 0 : 1;
                } else {
                    wrong += pins[i] ? 1 : 0;
                }
            }
            std::set<std::uint64_t> blocks;
            std::set<std::uint32_t> windows;
            for (const auto& each : wanted) blocks.insert(each.first.value >> 12);
            for (const auto& each : held) windows.insert(each.handle().window);
            if (blocks.size() + windows.size() <= bridge.count && bridge.refused.empty())
                wrong += answer == errc::busy || answer == errc::too_large ? 1 : 0;
            if (random() % 3 == 0 && answer == errc::ok) held.push_back(std::move(pins[0]));
            if (random() % 3 == 0 && !held.empty()) held.pop_back();
            if (random() % 20 == 0) {
                const byte_range<peer> gone = page(random() % 40, 0, 0x2000);
                const errc forgotten = with.cache.forget(gone);
                for (const std::uint64_t each : bridge.targets)
                    wrong += forgotten == errc::ok && gone.contains(byte_address<peer>{each}) ? 1 : 0;
            }
            for (const pin_type& each : held)
                wrong += bridge.arrives(each.local()->value) / 0x1000 == each.handle().block ? 0 : 1;
        }
        CHECK(wrong == 0);
        CHECK(!bridge.is_wrong);
        held.clear();
        CHECK(with.cache.detach() == errc::ok);
    }
}

TEST_CASE("sixteen blocks of a Switchtec's peer: four commands, not sixty-four") {
    using namespace ashlar::testing;
    simulated_bridge<switchtec_slices_model> bridge;
    switchtec_slice_registers programmer(bridge, 3, 1);
    for (int i = 0; i < 100 && programmer.set_up(0, 32) == errc::busy; ++i) {
    }
    using windows_type = bridge_windows<platform, decltype(programmer), decltype(bridge)>;
    static_assert(group_aimer<windows_type>);
    std::vector<byte_address<machine>> places;
    for (std::uint32_t i = 0; i < 16; ++i) places.push_back({bridge.model().place(i)});
    std::vector<windows_type::word> words(windows_type::words_needed(16));
    windows_type windows(programmer, bridge);
    REQUIRE(windows.attach(presets::switchtec, window_kind::slice, {places.data(), 16}, 64 << 10,
                           {words.data(), words.size()}, 1000) == errc::ok);
    using slices_cache = window_cache<windows_type>;
    std::vector<slices_cache::word> cache_words(slices_cache::metadata_words(16));
    slices_cache cache;
    REQUIRE(cache.attach(windows, {cache_words.data(), cache_words.size()}) == errc::ok);
    bridge.model().commands = 0;
    std::vector<byte_range<peer>> wanted;
    for (std::uint64_t i = 0; i < 16; ++i) wanted.push_back({{(100 + 7 * i) << 16}, 4096});
    std::vector<slices_cache::pin_type> pins(16);
    REQUIRE(cache.pin_all({wanted.data(), 16}, {pins.data(), 16}) == errc::ok);
    CHECK(bridge.model().commands == 4);
    for (std::size_t i = 0; i < 16; ++i) {
        bridge.store(pins[i].local()->value, i + 1);
        (void)bridge.load(pins[i].local()->value);
        CHECK(bridge.peer_word(wanted[i].first.value) == i + 1);
    }
    for (auto& each : pins) each.release();
    for (const auto& each : wanted) CHECK(cache.pin({each.first.value + 8}, 8));
    CHECK(bridge.model().commands == 4);
    bridge.drop_link();
    CHECK(cache.pin({0x5'0000}, 8).error() == errc::revoked);
    CHECK(cache.detach() == errc::ok);
}

TEST_CASE("what the bridge refused is not asked again soon, together either") {
    memory_group_aimer bridge;
    bridge.refused = {0x5000};
    attached_cache<window_cache<memory_group_aimer>, memory_group_aimer> with(bridge);
    const byte_range<peer> both[] = {{{0x4000}, 8}, {{0x5000}, 8}};
    window_cache<memory_group_aimer>::pin_type pins[2];
    CHECK(with.cache.pin({0x5000}, 8).error() == errc::not_covered);
    const std::uint64_t asked = bridge.asked;
    CHECK(with.cache.pin_all(both, pins) == errc::not_covered);
    CHECK(bridge.asked == asked);
}

}  // namespace
