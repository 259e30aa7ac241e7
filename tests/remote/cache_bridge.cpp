// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The cache of windows over the register program of a bridge, as simulated to the register: stores that are
// posted, registers that take effect late, a link that goes, a peer that starts again.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/link_guard.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "remote/memory_aimer.hpp"
#include "remote/servers.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;
using namespace remote_tests;

constexpr std::uint64_t mib = 1 << 20;
using intel = simulated_bridge<intel_gen1_model>;
using programmer_type = intel_gen1_registers<intel>;
using windows_type = bridge_windows<platform, programmer_type, intel>;
using cache_type = window_cache<windows_type>;
static_assert(window_aimer<windows_type>);

/// Two windows of a MiB, and a cache over them.
struct cached_bridge {
    intel bridge;
    programmer_type programmer{bridge, mib};
    byte_address<machine> places[2] = {{bridge.model().place(0)}, {bridge.model().place(1)}};
    windows_type::word words[16]{};
    windows_type windows{programmer, bridge};
    std::vector<cache_type::word> cache_words{cache_type::metadata_words(2)};
    cache_type cache;

    cached_bridge() {
        REQUIRE(windows_type::words_needed(2) <= 16);
        REQUIRE(windows.attach(with_aperture(presets::intel_gen1, mib), window_kind::direct, places, mib,
                               words, 1000) == errc::ok);
        REQUIRE(cache.attach(windows, {cache_words.data(), cache_words.size()}) == errc::ok);
    }
};

TEST_CASE("no word on a wrong page through the cache") {
    cached_bridge with;
    std::atomic<std::uint64_t> landed{0};
    std::atomic<std::uint64_t> misplaced{0};
    with.bridge.landed = [&](std::uint64_t at, std::uint64_t value) {
        landed.fetch_add(1, std::memory_order_relaxed);
        if (at != value) misplaced.fetch_add(1, std::memory_order_relaxed);
    };
    const std::uint64_t rounds = std::getenv("ASHLAR_LONG") != nullptr ? 400'000 : 4'000;
    std::atomic<std::uint64_t> stored{0};
    std::atomic<std::uint64_t> wrong{0};
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        threads.emplace_back([&, seed] {
            random_bits random(seed);
            for (std::uint64_t i = 0; i < rounds; ++i) {
                const std::uint64_t block = (1 + random() % 6) * mib;
                auto pin = with.cache.pin({block}, mib);
                if (!pin) {
                    wrong.fetch_add(pin.error() == errc::busy ? 0 : 1);
                    std::this_thread::yield();
                    continue;
                }
                const auto local = pin.local();
                for (std::uint64_t words = random() % 8; local && words != 0; --words) {
                    const std::uint64_t offset = random() % (mib / 8) * 8;
                    with.bridge.store(local->value + offset, block + offset);
                    stored.fetch_add(1, std::memory_order_relaxed);
                }
            }
        });
    }
    for (std::thread& each : threads) each.join();
    (void)with.bridge.load(with.places[0].value);  // what is left in the queue, too
    CHECK(misplaced == 0);
    CHECK(wrong == 0);
    CHECK(stored > 0);
    CHECK(landed == stored);
    with.bridge.landed = nullptr;
}

/// A P2M that is read through the bridge; the canary lies at 0x10'0000 of the peer.
struct bridge_access {
    cached_bridge& over;
    link_guard<> link;
    std::uint32_t epoch = 0;

    [[nodiscard]] result<std::uint64_t> load(byte_address<machine> at) noexcept {
        return over.bridge.load(at.value);
    }
    [[nodiscard]] bool is_alive(server_id) noexcept {
        auto pin = over.cache.pin({0x10'0000}, 8);
        const auto local = pin.local();
        if (local) return link.check(epoch, over.bridge.load(local->value)) == errc::ok;
        // The window could not be aimed at the canary, since nobody answers.
        if (local.error() == errc::revoked) link.lower();
        return false;
    }
};

TEST_CASE("a table that is read through the bridge, whose link goes and whose peer starts again") {
    cached_bridge with;
    link_guard<>::word link_words[link_guard<>::words]{};
    const link_guard<> link(link_words);
    bridge_access access{with, link};
    access.epoch = *link.raise(5);
    with.bridge.set_peer_word(0x10'0000, canary_of(5));
    with.bridge.set_peer_word(0x20'0000, 0x345);
    with.bridge.set_peer_word(0x20'0008, ~std::uint64_t{0});
    with.bridge.set_peer_word(0x34'5010, 0x1234);
    const memory_home homes[] = {{{{0x7000'0000}, 0x10'0000}, server_m}};
    distribution_map<memory_home> memory_map;
    REQUIRE(memory_map.attach(homes) == errc::ok);
    const byte_range<peer> declared[] = {{{0x10'0000}, 0x100'0000}};
    std::vector<p2m_cache<>::word> known_words(p2m_cache<>::metadata_words(16));
    p2m_cache<> known;
    REQUIRE(known.attach({known_words.data(), known_words.size()}) == errc::ok);
    const remote_server<cache_type> servers[] = {
        {server_m, {{0x20'0000}, {0x70000}, 0x100}, declared, &with.cache, &known}};
    const remote_space<flat_p2m<>, cache_type, bridge_access> space(server_l, memory_map, {}, servers,
                                                                    access);
    scatter_piece pieces[4];
    cache_type::pin_type pins[4];
    scatter_list<cache_type::pin_type> list(pieces, pins);

    REQUIRE(space.resolve({0x7000'0010}, 8, list) == errc::ok);
    CHECK(with.bridge.load(list.pieces()[0].at.value) == 0x1234);
    list.clear();
    CHECK(space.resolve({0x7000'1000}, 8, list) == errc::unmapped);  // all ones, and the link is up

    with.bridge.drop_link();
    CHECK(space.resolve({0x7000'0010}, 8, list) ==
          errc::revoked);  // the table is known, the peer is not there
    CHECK(space.resolve({0x7000'1000}, 8, list) == errc::revoked);
    CHECK(!access.is_alive(server_m));
    CHECK(link.epoch() % 2 == 0);
    with.cache.link_lost();
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::revoked);

    // It starts again, with another table; until somebody says that the link is up nothing is served.
    with.bridge.restore_link(true);
    with.bridge.set_peer_word(0x10'0000, canary_of(6));
    with.bridge.set_peer_word(0x20'0000, 0x400);
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::revoked);
    with.cache.link_restored();
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::revoked);  // the epoch is that of the old peer
    access.epoch = *link.raise(6);
    REQUIRE(space.resolve({0x7000'0010}, 8, list) == errc::ok);
    CHECK(list.pieces()[0].home.value == 0x40'0010);
    list.clear();
    CHECK(with.cache.detach() == errc::ok);
}

}  // namespace
