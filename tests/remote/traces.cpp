// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How often windows are aimed, and what that costs: against the best that could be done by whoever knows what
// is asked for next (Belady), and against plain LRU.
#include <doctest/doctest.h>

#include <algorithm>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "remote/memory_aimer.hpp"
#include "remote/trace_costs.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

[[nodiscard]] double fraction(testing::random_bits& random) {
    return static_cast<double>(random() >> 11) / 9007199254740992.0;
}

/// Block i is asked for in proportion to 1 / (i + 1)^skew; which one that is, is shuffled.
[[nodiscard]] trace zipf(double skew, std::size_t blocks, std::size_t length, std::uint64_t seed) {
    testing::random_bits random(seed);
    std::vector<double> sums;
    double sum = 0;
    for (std::size_t i = 0; i < blocks; ++i) sums.push_back(sum += 1 / std::pow(double(i + 1), skew));
    trace all;
    for (std::size_t i = 0; i < length; ++i) {
        const auto at = std::lower_bound(sums.begin(), sums.end(), fraction(random) * sum);
        all.push_back(static_cast<std::uint64_t>(at - sums.begin()) * 7919 % 1048573);
    }
    return all;
}
[[nodiscard]] trace scan(std::size_t blocks, std::size_t length) {
    trace all;
    for (std::size_t i = 0; i < length; ++i) all.push_back(i % blocks);
    return all;
}
/// Zipf, and now and then a scan over blocks that nobody else asks for.
[[nodiscard]] trace zipf_and_scans(std::size_t length) {
    const trace usual = zipf(1.0, 1000, length, 5);
    trace all;
    for (std::size_t i = 0; i < usual.size(); ++i) {
        if (i % 2000 == 1999)
            for (std::uint64_t j = 0; j < 200; ++j) all.push_back(2'000'000 + j);
        all.push_back(usual[i]);
    }
    return all;
}
/// Where the favourites change.
[[nodiscard]] trace phases(std::size_t length) {
    trace all;
    for (std::uint64_t phase = 0; phase < 5; ++phase)
        for (const std::uint64_t each : zipf(1.0, 500, length / 5, 10 + phase))
            all.push_back(each + phase * 2'000'000);
    return all;
}

/// Misses of whoever knows how often each block is asked for, but not when, and keeps the favourites in all
/// windows but one.
[[nodiscard]] std::uint64_t favourites(const trace& all, std::size_t windows) {
    std::map<std::uint64_t, std::uint64_t> asked;
    for (const std::uint64_t each : all) ++asked[each];
    std::vector<std::uint64_t> counts;
    for (const auto& [block, count] : asked) counts.push_back(count);
    std::sort(counts.rbegin(), counts.rend());
    std::uint64_t misses = windows - 1;
    for (std::size_t i = windows - 1; i < counts.size(); ++i) misses += counts[i];
    return misses;
}

TEST_CASE("windows are aimed at most 1.3 times as often as by whoever knows the future") {
    for (const std::uint32_t windows : {16U, 64U}) {
        const auto compare = [&](const char* name, const trace& all) {
            memory_aimer model;
            model.count = windows;
            const std::uint64_t got = run(all, model).aims;
            const std::uint64_t best = belady(all, windows);
            const std::uint64_t plain = lru(all, model).aims;
            tell(name, (std::to_string(windows) + " windows").c_str(), got, best, plain);
            CHECK(got * 10 <= best * 13);
            CHECK(got < plain);
        };
        compare("zipf 0.8", zipf(0.8, 1000, 20000, 1));
        compare("zipf 1.0", zipf(1.0, 1000, 20000, 2));
        compare("zipf 1.2", zipf(1.2, 1000, 20000, 3));
        compare("scan, a quarter too long", scan(windows + windows / 4, 20000));
        compare("scan, twice too long", scan(std::size_t{windows} * 2, 20000));
        compare("scan", scan(1000, 20000));
        compare("zipf and scans", zipf_and_scans(20000));
    }
}

TEST_CASE(
    "where a quarter of all blocks has a window, that is out of reach of who does not know the future") {
    for (const double skew : {0.8, 1.0, 1.2}) {
        memory_aimer model;
        model.count = 256;
        const trace all = zipf(skew, 1000, 20000, 4);
        const std::uint64_t got = run(all, model).aims;
        const std::uint64_t best = favourites(all, 256);
        tell("zipf, to the favourites", "256 windows", got, best, lru(all, model).aims);
        CHECK(got * 10 <= best * 13);
        CHECK(got < lru(all, model).aims);
    }
}

TEST_CASE("a scan that is one block too long misses twice a round, and not always") {
    memory_aimer model;
    model.count = 64;
    const trace all = scan(65, 65 * 600);
    const std::uint64_t got = run(all, model).aims;
    tell("scan, one too long", "64 windows", got, belady(all, 64), lru(all, model).aims);
    CHECK(got <= 65 + 2 * 610);
}

TEST_CASE("when the favourites change the old ones are forgotten") {
    memory_aimer model;
    model.count = 64;
    const trace all = phases(20000);
    const std::uint64_t got = run(all, model).aims;
    tell("phases", "64 windows", got, belady(all, 64), lru(all, model).aims);
    CHECK(got < lru(all, model).aims);
}

/// Blocks that are used a few times within a while, and then no more: age tells more than use does.
[[nodiscard]] trace drifting(std::size_t length, std::uint64_t reach, std::uint64_t seed) {
    testing::random_bits random(seed);
    trace all;
    for (std::size_t i = 0; i < length; ++i) all.push_back(i / 8 + random() % reach);
    return all;
}

TEST_CASE("of two guesses the one leads that was right more often") {
    using word = platform::atomic<std::uint32_t>;
    for (const std::uint32_t windows : {4U, 16U, 100U}) {
        std::vector<word> words(detail::window_duel<word>::words_for(windows));
        const detail::window_duel<word> duel(words.data(), windows);
        duel.clear();
        CHECK(duel.prefers_recent());
        const auto play = [&](const trace& all) {
            for (const std::uint64_t each : all) duel.seen(static_cast<std::uint32_t>(each) + 1, false);
        };
        for (int round = 0; round < 3; ++round) {
            play(drifting(20000, windows * 2, 3));
            CHECK(duel.prefers_recent());
            play(scan(windows + windows / 2, 20000));
            CHECK(!duel.prefers_recent());
        }
    }
}

TEST_CASE("where age tells more than use it costs what LRU costs") {
    for (const std::uint32_t windows : {16U, 64U}) {
        for (const std::uint64_t reach : {windows / 2, windows, windows * 2, windows * 4}) {
            memory_aimer model;
            model.count = windows;
            const trace all = drifting(20000, reach, reach);
            const std::uint64_t got = run(all, model).aims;
            const std::uint64_t plain = lru(all, model).aims;
            tell("drift", (std::to_string(windows) + " windows").c_str(), got, belady(all, windows), plain);
            CHECK(got * 10 <= plain * 11);
        }
    }
}

TEST_CASE("a scan after that is not taken for what was before") {
    for (const std::size_t blocks : {66U, 70U, 80U, 100U, 128U}) {
        memory_aimer model;
        model.count = 64;
        trace all = drifting(10000, 128, 5);
        for (const std::uint64_t each : scan(blocks, 20000)) all.push_back(1'000'000 + each);
        const std::uint64_t got = run(all, model).aims;
        const std::uint64_t best = belady(all, 64);
        const std::uint64_t plain = lru(all, model).aims;
        tell("drift, then a scan", (std::to_string(blocks) + " blocks").c_str(), got, best, plain);
        CHECK(got * 4 <= plain * 3);
    }
}

TEST_CASE("what it costs is below plain LRU where windows cost much, and not all the same") {
    const auto compare = [](const char* name, const trace& all, memory_aimer model) {
        const spent got = run(all, model);
        const spent plain = lru(all, model);
        tell(name, "us", got.nanoseconds / 1000, plain.nanoseconds / 1000, plain.nanoseconds / 1000);
        CHECK(got.nanoseconds < plain.nanoseconds);
    };
    constexpr std::uint64_t command = 100'000'000;
    memory_aimer switchtec;  // a direct window, of two commands, and slices of the look-up table
    switchtec.bytes = 0x10000;
    switchtec.count = 33;
    switchtec.costs.assign(33, command);
    switchtec.costs[0] = 2 * command;
    memory_aimer decoders;  // committed in order, taken back from the end
    decoders.bytes = 0x1000'0000;
    decoders.count = 10;
    decoders.cost = 60'000;
    decoders.ordered = true;
    memory_aimer mixed;  // a few registers of one's own, and slices behind commands
    mixed.count = 36;
    mixed.costs.assign(36, command);
    for (std::size_t i = 0; i < 4; ++i) mixed.costs[i] = 1000;
    for (const double skew : {0.8, 1.0, 1.2}) {
        const trace all = zipf(skew, 1000, 10000, 6);
        compare("Switchtec, zipf", all, switchtec);
        compare("LIFO, zipf", all, decoders);
        compare("registers and LUT, zipf", all, mixed);
    }
    compare("Switchtec, scan", scan(40, 10000), switchtec);
    compare("LIFO, scan", scan(40, 10000), decoders);
    compare("registers and LUT, scan", scan(40, 10000), mixed);
    compare("Switchtec, zipf and scans", zipf_and_scans(20000), switchtec);
    compare("LIFO, zipf and scans", zipf_and_scans(20000), decoders);
}

}  // namespace
