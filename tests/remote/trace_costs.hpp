// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <ashlar/remote/window_cache.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <unordered_map>
#include <vector>

#include "remote/memory_aimer.hpp"

// What a trace of blocks costs: through the cache, by whoever knows the future, and by plain LRU.
namespace remote_tests {

using trace = std::vector<std::uint64_t>;
using cache_type = window_cache<memory_aimer>;

/// Misses of whoever evicts what is asked for last from now on.
[[nodiscard]] inline std::uint64_t belady(const trace& all, std::size_t windows) {
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
[[nodiscard]] inline spent lru(const trace& all, const memory_aimer& model) {
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

[[nodiscard]] inline spent run(const trace& all, memory_aimer& model) {
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

inline void tell(const char* name, const char* what, std::uint64_t got, std::uint64_t best,
                 std::uint64_t plain) {
    std::printf("%-26s %-12s %9llu, best %9llu (%.3f x), LRU %9llu\n", name, what,
                static_cast<unsigned long long>(got), static_cast<unsigned long long>(best),
                double(got) / double(best), static_cast<unsigned long long>(plain));
}

}  // namespace remote_tests
