// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random litmus tests: the explorer finds exactly the results that the axioms of C++20 allow.
#include <doctest/doctest.h>

#include <ashlar/testing/random_bits.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "interleaving/axioms.hpp"
#include "interleaving/litmus.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// Two to four programs of at most four accesses each to two words.
std::vector<litmus_program> random_programs(random_bits& random, std::size_t most_accesses) {
    const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    // Few orders at a time: mixtures of two say more than mixtures of all.
    const memory_order loading[] = {relaxed, acquire, seq_cst};
    const memory_order storing[] = {relaxed, release, seq_cst};
    const memory_order updating[] = {relaxed, acquire, release, acq_rel, seq_cst};
    const bool only_sc = below(4) == 0;
    std::vector<litmus_program> programs(2 + below(3));
    std::size_t left = most_accesses;
    std::uint32_t value = 1;
    for (litmus_program& program : programs) {
        const std::size_t count = std::min<std::size_t>(1 + below(4), left);
        for (std::size_t i = 0; i < count; ++i, --left) {
            const std::size_t word = below(2);
            const auto pick = [&](const memory_order* from, std::size_t of) {
                return only_sc ? seq_cst : from[below(of)];
            };
            switch (below(8)) {
                case 0:
                    program.push_back(add(word, value++, pick(updating, 5)));
                    break;
                case 1:
                    program.push_back(exchange(word, value++, pick(updating, 5)));
                    break;
                case 2:
                    program.push_back(compare_exchange(word, static_cast<std::uint32_t>(below(3)), value++,
                                                       pick(updating, 5)));
                    break;
                case 3:
                case 4:
                case 5:
                    program.push_back(store(word, value++, pick(storing, 3)));
                    break;
                default:
                    program.push_back(load(word, pick(loading, 3)));
            }
        }
    }
    return programs;
}
std::string text_of(const std::vector<litmus_program>& programs) {
    static constexpr const char* kinds[] = {"load", "store", "exchange", "compare-exchange", "add"};
    std::string text;
    for (const litmus_program& program : programs) {
        for (const litmus_access& each : program) {
            text += std::string(kinds[static_cast<std::size_t>(each.kind)]) + " word " +
                    std::to_string(each.word) + " order " + std::to_string(static_cast<int>(each.order)) +
                    " value " + std::to_string(each.operand) + " expected " + std::to_string(each.expected) +
                    "\n";
        }
        text += "--\n";
    }
    return text;
}
std::string text_of(const litmus_results& results, const litmus_results& without) {
    std::string text;
    for (const litmus_result& each : results) {
        if (without.count(each) != 0) continue;
        for (const std::uint64_t value : each) text += std::to_string(value) + " ";
        text += "\n";
    }
    return text;
}

TEST_CASE("random programs: the results are those of the axioms") {
    const std::uint64_t programs = std::getenv("ASHLAR_LONG") != nullptr ? 20'000 : 500;
    random_bits random(1);
    std::size_t results = 0;
    std::size_t mixed = 0;
    for (std::uint64_t i = 0; i < programs; ++i) {
        const auto tried = random_programs(random, 8);
        const litmus_results allowed = axioms(tried).results();
        const litmus_results seen = explored(tried);
        results += seen.size();
        mixed += explored(tried, {}) != seen ? 1 : 0;
        INFO(text_of(tried));
        INFO("allowed and not found:\n" << text_of(allowed, seen));
        INFO("found and not allowed:\n" << text_of(seen, allowed));
        REQUIRE(seen == allowed);
    }
    std::printf(
        "%llu programs, %zu results; %zu programs had more than sequentially consistent memory gives\n",
        static_cast<unsigned long long>(programs), results, mixed);
    CHECK(mixed > programs / 20);
}

}  // namespace
