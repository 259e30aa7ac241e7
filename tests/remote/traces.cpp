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

namespace {

using namespace ashlar;
using namespace remote_tests;

using trace = std::vector<std::uint64_t>;
using cache_type = window_cache<memory_aimer>;

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

/// Misses of whoever evicts what is asked for last from now on.
[[nodiscard]] std::uint64_t belady(const trace& all, std::size_t windows) {
    std::vector<std::size_t> next(all.size());
    std::map<std::uint64_t, std::size_t> later;
    for (std::size_t i = all.size(); i-- > 0;) {
        const auto found = later.find(all[i]);
        next[i] = found == later.end() ? all.size() + i : found->second;
        later[all[i]] = i;
    }
    std::map<std::uint64_t, std::size_t> held;     // block: when it is asked for next
    std::map<std::size_t, std::uint64_t> by_time;  // and the other way round
    std::uint64_t misses = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto found = held.find(all[i]);
        if (found != held.end()) {
            by_time.erase(found->second);
        } else {
            ++misses;
            if (held.size() == windows) {
                held.erase(by_time.rbegin()->second);
                by_time.erase(by_time.rbegin()->first);
            }
        }
        held[all[i]] = next[i];
        by_time[next[i]] = all[i];
    }
    return misses;
}

struct spent {
    std::uint64_t aims = 0;
    std::uint64_t nanoseconds = 0;
};

/// Plain LRU under the same costs: where the last one goes first, those above are aimed again.
[[nodiscard]] spent lru(const trace& all, const memory_aimer& model) {
    std::vector<std::uint64_t> block(model.count, ~std::uint64_t{0});
    std::vector<std::uint64_t> used(model.count, 0);
    spent sum;
    std::uint64_t now = 0;
    for (const std::uint64_t each : all) {
        ++now;
        auto found = static_cast<std::uint32_t>(std::find(block.begin(), block.end(), each) - block.begin());
        if (found == model.count) {
            found = static_cast<std::uint32_t>(std::min_element(used.begin(), used.end()) - used.begin());
            std::uint32_t end = found + 1;
            while (model.ordered && end < model.count && used[end] != 0) ++end;
            for (std::uint32_t i = found; i < end; ++i) {
                ++sum.aims;
                sum.nanoseconds += model.cost_of(i);
            }
            block[found] = each;
        }
        used[found] = now;
    }
    return sum;
}

[[nodiscard]] spent run(const trace& all, memory_aimer& model) {
    attached_cache<cache_type, memory_aimer> with(model);
    REQUIRE(with.answer == errc::ok);
    std::uint64_t wrong = 0;
    for (const std::uint64_t each : all) {
        auto pin = with.cache.pin({each * model.bytes}, 8);
        if (!pin || model.arrives(pin.local()->value) != each * model.bytes) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(!model.is_wrong);
    return {model.aims, model.spent};
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

void tell(const char* name, const char* what, std::uint64_t got, std::uint64_t best, std::uint64_t plain) {
    std::printf("%-26s %-12s %9llu, best %9llu (%.3f x), LRU %9llu\n", name, what,
                static_cast<unsigned long long>(got), static_cast<unsigned long long>(best),
                double(got) / double(best), static_cast<unsigned long long>(plain));
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
    CHECK(got <= 65 + 2 * 600);
}

TEST_CASE("when the favourites change the old ones are forgotten") {
    memory_aimer model;
    model.count = 64;
    const trace all = phases(20000);
    const std::uint64_t got = run(all, model).aims;
    tell("phases", "64 windows", got, belady(all, 64), lru(all, model).aims);
    CHECK(got < lru(all, model).aims);
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
