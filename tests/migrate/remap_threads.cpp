// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Readers beside a writer who never rests: they find nothing but an old or a new target, and the data that
// were copied there; what stays mapped is always found.
#include <doctest/doctest.h>

#include <ashlar/testing/random_bits.hpp>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "migrate/remap_types.hpp"

namespace {

using namespace ashlar;
using namespace remap_tests;

constexpr range<os> origins{{1 << 20}, 4096};
constexpr range<> targets{{1 << 10}, 4096};
constexpr std::uint64_t stays = 64;  ///< origins that are always mapped, each to one of its own two targets
constexpr std::uint64_t comes_and_goes = 64;

[[nodiscard]] frame<os> origin_of(std::uint64_t which) {
    return origins.first + (which < stays ? which * 61 : (which - stays) * 61 + 1 + which % 7);
}
/// A target tells whose it is.
[[nodiscard]] frame<> target_of(std::uint64_t which, std::uint64_t version) {
    return targets.first + (which * 2 + version % 2);
}

template <class Table>
void hammer() {
    attached<Table> with(origins, targets, stays + comes_and_goes);
    Table& table = with.table;
    REQUIRE(with.answer == errc::ok);
    for (std::uint64_t i = 0; i < stays; ++i)
        REQUIRE(table.assign(origin_of(i), target_of(i, 0)) == errc::ok);
    // The bytes of the targets: plain memory, written before each mapping to a target that nobody uses yet.
    std::vector<std::uint64_t> bytes((stays + comes_and_goes) * 2);
    for (std::uint64_t i = 0; i < stays; ++i) bytes[i * 2] = i + 1;

    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::size_t> begun{0};
    std::vector<std::thread> readers;
    for (unsigned each = 0; each < 2; ++each) {
        readers.emplace_back([&, each] {
            testing::random_bits random(each + 1);
            std::uint64_t bad = 0;
            bool first = true;
            while (!stop.load(std::memory_order_relaxed)) {
                const std::uint64_t which = random() % (stays + comes_and_goes);
                const auto found = table.find(origin_of(which));
                if (first) begun.fetch_add(1);
                first = false;
                if (!found) {
                    bad += which < stays ? 1 : 0;
                    continue;
                }
                const std::uint64_t at = found->number - targets.first.number;
                // Each target's bytes are written once, before its first mapping.
                bad += at / 2 != which || bytes[at] != which + 1 ? 1 : 0;
            }
            wrong.fetch_add(bad);
        });
    }
    testing::random_bits random(99);
    std::vector<unsigned> versions(stays + comes_and_goes, 0);
    std::vector<bool> mapped(stays + comes_and_goes, false);
    const unsigned steps = std::getenv("ASHLAR_LONG") != nullptr ? 20'000'000 : 200'000;
    bool refused = false;
    // Not before each reader has begun.
    for (unsigned step = 0; step < steps || begun.load() < readers.size(); ++step) {
        const std::uint64_t which = random() % (stays + comes_and_goes);
        errc answer = errc::ok;
        if (which >= stays && mapped[which]) {
            answer = table.erase(origin_of(which));
            mapped[which] = false;
        } else {
            const std::uint64_t version = which < stays ? versions[which] + 1 : versions[which];
            // Plain memory that readers of this mapping see: written when nobody can know of it.
            if (version < 2 && bytes[which * 2 + version] == 0) bytes[which * 2 + version] = which + 1;
            answer = table.assign(origin_of(which), target_of(which, version));
            if (answer == errc::busy) continue;  // a reader was overtaken
            versions[which] = static_cast<unsigned>(version);
            mapped[which] = true;
        }
        refused = refused || answer != errc::ok;
    }
    stop.store(true);
    for (std::thread& each : readers) each.join();
    CHECK(!refused);
    CHECK(wrong.load() == 0);
    for (std::uint64_t i = 0; i < stays; ++i) {
        CHECK(table.find(origin_of(i)).value() == target_of(i, versions[i]));
    }
}

TEST_CASE("readers beside a writer: a tree") {
    hammer<remap_table<>>();
}
TEST_CASE("readers beside a writer: a tree of large lines, words of 32 bits") {
    hammer<remap_table<platform, remap_shape{.filter_order = 4, .word_bits = 32, .line_order = 3}>>();
}
TEST_CASE("readers beside a writer: a hash") {
    hammer<remap_hash<platform, remap_shape{.filter_order = 4}>>();
}

TEST_CASE("of writers at once one writes, others are told") {
    attached<remap_table<>> with(origins, targets, 512);
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> odd{0};
    std::vector<std::thread> writers;
    for (std::uint64_t each = 0; each < 2; ++each) {
        writers.emplace_back([&, each] {
            for (std::uint64_t i = 0; i < 256; ++i) {
                errc answer = errc::busy;
                while (answer == errc::busy) {
                    answer = with.table.assign(origins.first + (i * 2 + each), targets.first + i);
                }
                (answer == errc::ok ? done : odd).fetch_add(1);
            }
        });
    }
    for (std::thread& each : writers) each.join();
    CHECK(done.load() == 512);
    CHECK(odd.load() == 0);
    CHECK(with.table.size() == 512);
    CHECK(with.table.assign(origins.first + 4000, targets.first) == errc::limit);
    for (std::uint64_t i = 0; i < 512; ++i) {
        CHECK(with.table.find(origins.first + i).value() == targets.first + i / 2);
    }
}

}  // namespace
