// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A peer's memory that goes under the threads that use it.
#include <ashlar/remote/remote_zone.hpp>
//
#include <doctest/doctest.h>

#include <ashlar/remote/identity_window.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "zone/machines.hpp"

namespace {

using namespace zone_tests;
using machine_memory = physical_memory<radix_zone, reliability_first>;

constexpr std::uint64_t own_frames = 1024;
constexpr range<> bar{{0x4001'0000}, 1024};

/// Blocks in use, which a thread takes and frees as it likes.
struct user {
    machine_memory& ram;
    testing::random_bits random;
    const std::atomic<bool>& is_gone;
    std::vector<std::pair<frame<>, unsigned>> held{};
    std::uint64_t far_blocks = 0;
    std::uint64_t lost = 0;
    std::uint64_t wrong = 0;

    void take() {
        const unsigned order = static_cast<unsigned>(random() % 3);
        const bool was_gone = is_gone.load();
        const auto got = ram.allocate({.order = order, .node = static_cast<node_id>(random() % 2)});
        if (!got) {
            wrong += got.error() != errc::exhausted && got.error() != errc::busy;
            return;
        }
        const bool is_far = bar.contains(*got);
        wrong += is_far && was_gone;
        far_blocks += is_far;
        held.emplace_back(*got, order);
    }
    void give(std::size_t which) {
        const auto [first, order] = held[which];
        held[which] = held.back();
        held.pop_back();
        const errc answer = ram.free(first, order);
        lost += answer == errc::revoked;
        wrong += answer != errc::ok && !(answer == errc::revoked && bar.contains(first));
    }
    void step() {
        if (held.size() < 700 && random() % 5 != 0) return take();
        if (!held.empty()) give(random() % held.size());
    }
    void end() {
        while (!held.empty()) give(held.size() - 1);
    }
};

TEST_CASE(
    "a link is lost under threads that allocate and free: no far frame comes any more, no other is lost") {
    for (std::uint64_t round = 0; round < 12; ++round) {
        firmware what;
        what.ram(gibibyte, gibibyte + (own_frames << 12), 0);
        REQUIRE(what.nodes.add(1).has_value());
        REQUIRE(what.nodes.set_distance(0, 1, 80) == errc::ok);
        const booted<machine_memory> ram(what);
        identity_window<> window{{{0}, bar.count << 12}, {bar.first.number << 12}};
        remote_zone<machine_memory, identity_window<>> zone;
        std::vector<std::byte> metadata(zone.metadata_bytes(bar));
        std::atomic<bool> is_gone{false};
        std::atomic<bool> is_over{false};
        std::atomic<std::uint64_t> far_blocks{0};
        user users[2] = {{*ram.ram, testing::random_bits(round), is_gone},
                         {*ram.ram, testing::random_bits(round + 1000), is_gone}};
        std::vector<std::thread> threads;
        for (user& each : users) {
            threads.emplace_back([&each, &is_over, &far_blocks] {
                while (!is_over.load()) {
                    for (unsigned i = 0; i < 100; ++i) each.step();
                    far_blocks.store(each.far_blocks);
                }
            });
        }
        REQUIRE(zone.attach(*ram.ram, window, window.covered(), 1, {metadata.data(), metadata.size()}) ==
                errc::ok);
        while (far_blocks.load() < 20) std::this_thread::yield();
        window.link_lost();
        remote_loss loss;
        CHECK(zone.check(loss) == errc::revoked);
        is_gone.store(true);
        CHECK(loss.frames == bar);
        CHECK(loss.free + loss.held == bar.count);
        for (unsigned i = 0; i < 20; ++i) std::this_thread::yield();
        is_over.store(true);
        for (std::thread& each : threads) each.join();
        for (user& each : users) each.end();
        CHECK(users[0].wrong + users[1].wrong == 0);
        CHECK(ram->free_frames() == own_frames);
        CHECK(ram->validate() == errc::ok);
        CHECK(zone.detach() == errc::ok);
        CHECK(ram->free_frames() == own_frames);
    }
}

}  // namespace
