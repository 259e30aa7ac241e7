// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two tenants, used by two threads each, who also try what is not theirs.
#include "zone/machines.hpp"

#include <ashlar/zone/tenant.hpp>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace zone_tests;

using memory = physical_memory<radix_zone>;

TEST_CASE("threads of two tenants: every frame has one owner, no limit is exceeded") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 8 * mebibyte, 0, true);
    machine.ram(5 * gibibyte, 5 * gibibyte + 8 * mebibyte, 0);
    const booted<memory> ram(machine);
    const std::uint64_t all = ram->free_frames();
    const range<> covered{{4 * frames_per_gibibyte}, frames_per_gibibyte + (8 * mebibyte >> 12)};
    std::vector<owner_table<>::word> words(owner_table<>::metadata_words(covered));
    owner_table<> owners;
    REQUIRE(owners.attach(covered, {words.data(), words.size()}) == errc::ok);
    constexpr std::uint64_t most = 900;
    tenant<memory> tenants[2];
    for (unsigned i = 0; i < 2; ++i) {
        REQUIRE(tenants[i].open(*ram.ram, owners, static_cast<owner_id>(i + 1)) == errc::ok);
        REQUIRE(tenants[i].set_limit(most) == errc::ok);
    }
    std::vector<std::atomic<char>> marks(covered.count);
    std::atomic<int> wrong{0};
    const auto work = [&](unsigned seed) {
        std::mt19937 random(seed);
        tenant<memory>& mine = tenants[seed % 2];
        tenant<memory>& other = tenants[1 - seed % 2];
        std::vector<std::pair<frame<>, unsigned>> held;
        const auto mark = [&](frame<> first, unsigned order, char value) {
            for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
                if (marks[first.number + i - covered.first.number].exchange(value) == value) ++wrong;
            }
        };
        const auto give = [&](std::size_t pick) {
            const auto [first, order] = held[pick];
            held[pick] = held.back();
            held.pop_back();
            if (other.free(first, order) != errc::not_owned) ++wrong;
            mark(first, order, 0);
            if (mine.free(first, order) != errc::ok) ++wrong;
        };
        for (int step = 0; step < 10000; ++step) {
            if (mine.figures().held > most) ++wrong;
            if (held.empty() || random() % 2 == 0) {
                const unsigned order = random() % 4 == 0 ? static_cast<unsigned>(random() % 7) : 0;
                const auto got = mine.allocate({.order = order, .mirror = static_cast<mirror>(random() % 4)});
                if (!got) continue;
                mark(*got, order, 1);
                held.emplace_back(*got, order);
            } else {
                give(random() % held.size());
            }
        }
        while (!held.empty()) give(0);
    };
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
    for (std::thread& each : threads) each.join();
    CHECK(wrong == 0);
    for (tenant<memory>& each : tenants) {
        CHECK(each.validate() == errc::ok);
        CHECK(each.close() == errc::ok);
    }
    CHECK(ram->free_frames() == all);
    CHECK(ram->validate() == errc::ok);
}

}  // namespace
