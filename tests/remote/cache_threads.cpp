// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threads that pin, write and release while windows are aimed elsewhere, blocks are forgotten and the link
// goes: each write arrives in the block that was pinned.
#include <doctest/doctest.h>

#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "remote/memory_aimer.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

constexpr std::uint64_t blocks = 24;

/// Plain memory: the target is no atomic, so ThreadSanitizer sees an aim that is not ordered with a pin.
struct plain_aimer {
    std::uint64_t targets[4] = {};
    bool ordered = false;
    std::atomic<std::uint64_t> aims{0};

    [[nodiscard]] static std::uint32_t windows() noexcept { return 4; }
    [[nodiscard]] static std::uint64_t block_bytes() noexcept { return 0x1000; }
    [[nodiscard]] static byte_address<machine> local_of(std::uint32_t window) noexcept {
        return {window * 0x1000};
    }
    [[nodiscard]] static std::uint64_t cost_of(std::uint32_t) noexcept { return 1000; }
    [[nodiscard]] bool is_last_in_first_out() const noexcept { return ordered; }
    errc aim(std::uint32_t window, byte_address<peer> block) noexcept {
        targets[window] = block.value;
        aims.fetch_add(1, std::memory_order_relaxed);
        return errc::ok;
    }
    errc disable(std::uint32_t window) noexcept {
        targets[window] = ~std::uint64_t{0};
        return errc::ok;
    }
};

using cache_type = window_cache<plain_aimer>;

void hammer(bool ordered) {
    plain_aimer bridge;
    bridge.ordered = ordered;
    attached_cache<cache_type, plain_aimer> with(bridge);
    REQUIRE(with.answer == errc::ok);
    const std::uint64_t rounds = std::getenv("ASHLAR_LONG") != nullptr ? 2'000'000 : 30'000;
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> had{0};
    std::vector<std::thread> threads;
    for (std::uint64_t each = 0; each < 3; ++each) {
        threads.emplace_back([&, each] {
            testing::random_bits random(each + 1);
            std::uint64_t bad = 0;
            std::uint64_t pins = 0;
            for (std::uint64_t i = 0; i < rounds; ++i) {
                const std::uint64_t block = random() % 3 == 0 ? random() % blocks : random() % 4;
                auto pin = with.cache.pin({block * 0x1000}, 8, static_cast<pin_owner>(random() % 3));
                if (!pin) {
                    bad += pin.error() == errc::busy || pin.error() == errc::revoked ? 0 : 1;
                    std::this_thread::yield();
                    continue;
                }
                ++pins;
                const std::uint64_t arrives = bridge.targets[pin.handle().window];
                bad += arrives == block * 0x1000 ? 0 : 1;
                if (random() % 8 == 0) {
                    const window_handle known = pin.handle();
                    pin.release();
                    auto again = with.cache.pin_again(known, {block * 0x1000 + 8}, 8);
                    bad += again && bridge.targets[known.window] != block * 0x1000 ? 1 : 0;
                }
            }
            wrong.fetch_add(bad);
            had.fetch_add(pins);
        });
    }
    threads.emplace_back([&] {
        testing::random_bits random(99);
        for (std::uint64_t i = 0; i < rounds / 20; ++i) {
            (void)with.cache.forget({{random() % blocks * 0x1000}, 0x1000});
            if (i % 50 == 0) {
                with.cache.link_lost();
                with.cache.link_restored();
            }
        }
    });
    for (std::thread& each : threads) each.join();
    CHECK(wrong.load() == 0);
    CHECK(had.load() > 0);
    CHECK(bridge.aims.load() > 0);
    for (std::uint32_t i = 0; i < 4; ++i)
        for (const pin_owner owner : {pin_owner::cpu, pin_owner::dma, pin_owner::device})
            CHECK(with.cache.pins_of(i, owner) == 0);
    CHECK(with.cache.detach() == errc::ok);
}

TEST_CASE("threads that pin while windows are aimed") {
    hammer(false);
}
TEST_CASE("threads that pin while windows are aimed of which the last one goes first") {
    hammer(true);
}

}  // namespace
