// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/testing/explorer.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <utility>
#include <vector>

// Litmus tests: a few accesses to a few words by each program, and the set of all results that there are.
namespace ashlar::testing {

inline constexpr auto relaxed = memory_order::relaxed;
inline constexpr auto acquire = memory_order::acquire;
inline constexpr auto release = memory_order::release;
inline constexpr auto acq_rel = memory_order::acq_rel;
inline constexpr auto seq_cst = memory_order::seq_cst;

/// One access to word `word` (0 is x, 1 is y, ...).
struct litmus_access {
    access kind = access::load;
    std::size_t word = 0;
    memory_order order = relaxed;
    std::uint32_t operand = 0;
    std::uint32_t expected = 0;
};
using litmus_program = std::vector<litmus_access>;

/// What is found by all loads and read-modify-writes, program by program, then what is left in each word.
using litmus_result = std::vector<std::uint64_t>;
using litmus_results = std::set<litmus_result>;

constexpr litmus_access load(std::size_t word, memory_order order) {
    return {access::load, word, order};
}
constexpr litmus_access store(std::size_t word, std::uint32_t value, memory_order order) {
    return {access::store, word, order, value};
}
constexpr litmus_access add(std::size_t word, std::uint32_t value, memory_order order) {
    return {access::fetch_add, word, order, value};
}
constexpr litmus_access exchange(std::size_t word, std::uint32_t value, memory_order order) {
    return {access::exchange, word, order, value};
}
constexpr litmus_access compare_exchange(std::size_t word, std::uint32_t expected, std::uint32_t desired,
                                         memory_order order) {
    return {access::compare_exchange, word, order, desired, expected};
}

inline constexpr std::size_t litmus_words = 3;
inline constexpr std::size_t most_found = 4;

using litmus_word = stepped_atomic<std::uint32_t>;

inline std::uint64_t do_access(litmus_word& word, const litmus_access& next) {
    std::uint32_t expected = next.expected;
    switch (next.kind) {
        case access::load:
            return word.load(next.order);
        case access::store:
            word.store(next.operand, next.order);
            return 0;
        case access::exchange:
            return word.exchange(next.operand, next.order);
        case access::fetch_add:
            return word.fetch_add(next.operand, next.order);
        case access::compare_exchange:
            (void)word.compare_exchange(expected, next.operand, next.order);
            return expected;
        default:
            return 0;
    }
}

/// All results that the explorer finds. A program has at most four loads and read-modify-writes.
inline litmus_results explored(const std::vector<litmus_program>& programs,
                               exploration_options options = {.memory = memory_model::weak}) {
    litmus_word words[litmus_words];
    litmus_results results;
    std::vector<explorer::program> running;
    for (const litmus_program& each : programs) {
        running.emplace_back([&words, &each] {
            outcome found{};
            std::size_t count = 0;
            for (std::size_t i = 0; i < each.size(); ++i) {
                const std::uint64_t value = do_access(words[each[i].word], each[i]);
                if (each[i].kind != access::store) found[count++] = value;
            }
            return found;
        });
    }
    const auto note = [&](const std::vector<outcome>& found) {
        litmus_result result;
        for (std::size_t i = 0; i < programs.size(); ++i) {
            std::size_t count = 0;
            for (const litmus_access& each : programs[i]) {
                if (each.kind != access::store) result.push_back(found[i][count++]);
            }
        }
        for (litmus_word& word : words) result.push_back(word.load(relaxed));
        results.insert(result);
        return std::string();
    };
    const auto seen = explore({reinterpret_cast<std::byte*>(words), sizeof words}, running, note, options);
    CHECK(seen.complete);
    return results;
}

}  // namespace ashlar::testing
