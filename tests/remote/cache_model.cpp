// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random pins, releases, refusals, windows that are stuck, forgetting and lost links against the plainest
// account of what is held.
#include <doctest/doctest.h>

#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdlib>
#include <set>
#include <vector>

#include "remote/memory_aimer.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

using cache_type = window_cache<memory_aimer>;

struct held_pin {
    cache_type::pin_type pin;
    std::uint64_t at = 0;
    std::uint32_t epoch = 0;
};

void history(bool ordered, std::uint64_t seed) {
    testing::random_bits random(seed);
    memory_aimer bridge;
    bridge.ordered = ordered;
    bridge.count = 1 + static_cast<std::uint32_t>(random() % 8);
    attached_cache<cache_type, memory_aimer> with(bridge);
    REQUIRE(with.answer == errc::ok);
    cache_type& cache = with.cache;
    std::vector<held_pin> held;
    std::uint64_t wrong = 0;
    const auto note = [&](bool right) { wrong += right ? 0 : 1; };
    const std::uint64_t blocks = 1 + random() % 40;
    const int steps = std::getenv("ASHLAR_LONG") != nullptr ? 50000 : 1500;
    for (int step = 0; step < steps; ++step) {
        const std::uint64_t block = random() % blocks;
        const std::uint64_t at = block * 0x1000 + random() % 0xff8;
        const std::uint64_t what = random() % 100;
        if (what < 55) {
            const auto owner = static_cast<pin_owner>(random() % 3);
            const std::uint64_t asked = bridge.asked;
            held_pin got{cache.pin({at}, 8, owner), at, cache.epoch()};
            bool is_refused = false;
            for (const std::uint64_t each : bridge.refused) is_refused = is_refused || each == block * 0x1000;
            if (got.pin) {
                note(cache.is_up() && bridge.arrives(got.pin.local()->value) == at);
                held.push_back(std::move(got));
            } else if (!cache.is_up()) {
                note(got.pin.error() == errc::revoked && bridge.asked == asked);
            } else if (got.pin.error() == errc::not_covered) {
                note(is_refused || bridge.asked == asked);
            } else if (got.pin.error() == errc::unreadable) {
                note(bridge.stuck != memory_aimer::no_window || bridge.asked == asked);
            } else {
                // Only pins keep a window from being aimed; where the last one goes first, one may be enough.
                note(got.pin.error() == errc::busy && !held.empty());
                std::set<std::uint32_t> used;
                for (const held_pin& each : held) used.insert(each.pin.handle().window);
                note(ordered || used.size() == bridge.count);
            }
        } else if (what < 85 && !held.empty()) {
            const std::size_t which = random() % held.size();
            std::swap(held[which], held.back());
            held.pop_back();
        } else if (what < 90) {
            const std::uint64_t length = 1 + random() % 0x3000;
            const errc answer = cache.forget({{at}, length});
            bool is_held = false;
            const auto inside = [&](std::uint64_t each) {
                return each / 0x1000 >= block && each / 0x1000 <= (at + length - 1) / 0x1000;
            };
            for (const held_pin& each : held) is_held = is_held || inside(each.at);
            if (answer == errc::unreadable) {
                note(bridge.stuck != memory_aimer::no_window);
            } else if (!ordered) {
                note((answer == errc::busy) == is_held);
            }
            for (const std::uint64_t each : bridge.targets)
                note(answer != errc::ok || each == memory_aimer::nowhere || !inside(each));
        } else if (what < 92) {
            bridge.refused.assign(random() % 2, block * 0x1000);
            bridge.refusal = errc::not_covered;
        } else if (what < 93) {
            bridge.stuck = random() % 3 == 0 ? static_cast<std::uint32_t>(random() % bridge.count)
                                             : memory_aimer::no_window;
        } else if (what < 95) {
            if (cache.is_up()) {
                cache.link_lost();
            } else {
                cache.link_restored();
            }
        }
        // What is held leads where it did, or says that the link went.
        for (const held_pin& each : held) {
            const auto local = each.pin.local();
            if (each.epoch == cache.epoch()) {
                note(local && bridge.arrives(local->value) == each.at);
            } else {
                note(local.error() == (cache.is_up() ? errc::stale : errc::revoked));
            }
        }
        note(!bridge.is_wrong);
    }
    CHECK(wrong == 0);
    held.clear();
    CHECK(cache.detach() == errc::ok);
}

TEST_CASE("model: a cache of windows") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) history(false, seed);
}
TEST_CASE("model: a cache of windows of which the last one goes first") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) history(true, seed);
}

}  // namespace
