// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The verbs of the contract on a machine, under threads.
#include "zone/machines.hpp"

#include <atomic>
#include <random>
#include <thread>

namespace {

using namespace zone_tests;

static_assert(frame_source<physical_memory<radix_zone, reliability_first>>);
static_assert(frame_source<radix_zone>);
static_assert(frame_source<list_zone>);

TEST_CASE_TEMPLATE("threads take and free from all zones; nothing is lost or twice", Zone, radix_zone,
                   list_zone) {
    using memory = physical_memory<Zone, reliability_first>;
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 32 * mebibyte, 0, true);
    machine.ram(5 * gibibyte, 5 * gibibyte + 32 * mebibyte, 0);
    machine.ram(6 * gibibyte, 6 * gibibyte + 32 * mebibyte, 1);
    const booted<memory> ram(machine);
    const std::uint64_t all = ram->free_frames();
    // One owner mark a frame: who takes a marked frame has found it twice.
    std::vector<std::atomic<char>> marks(3 * frames_per_gibibyte);
    const auto mark_of = [&](frame<> f) -> std::atomic<char>& {
        return marks[f.number - 4 * frames_per_gibibyte];
    };
    std::atomic<int> wrong{0};
    const auto work = [&](unsigned seed) {
        std::mt19937 random(seed);
        std::vector<std::pair<frame<>, unsigned>> held;
        for (int step = 0; step < 20000; ++step) {
            if (held.empty() || random() % 2 == 0) {
                const unsigned order = random() % 8 == 0 ? static_cast<unsigned>(random() % 11) : 0;
                const auto preference = static_cast<mirror>(random() % 4);
                const auto got = ram->allocate(
                    {.order = order, .node = static_cast<node_id>(random() % 2), .mirror = preference});
                if (!got) continue;
                for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
                    if (mark_of(*got + i).exchange(1) != 0) ++wrong;
                }
                held.emplace_back(*got, order);
            } else {
                const std::size_t pick = random() % held.size();
                const auto [first, order] = held[pick];
                held[pick] = held.back();
                held.pop_back();
                for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) mark_of(first + i).store(0);
                if (ram->free(first, order) != errc::ok) ++wrong;
            }
        }
        for (const auto& [first, order] : held) {
            for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) mark_of(first + i).store(0);
            if (ram->free(first, order) != errc::ok) ++wrong;
        }
    };
    std::thread other(work, 1);
    work(2);
    other.join();
    CHECK(wrong == 0);
    CHECK(ram->free_frames() == all);
    CHECK(ram->validate() == errc::ok);
}

}  // namespace
