// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How often windows are aimed, and what that costs, on traces of a real kernel's allocator and of real
// programs, by which no number of the policy was chosen (tests/data/traces/README.md; that it has two guesses
// comes from earlier parts of the same runs, on which use alone was up to 3 times as dear as LRU): against
// Belady, who knows the future, and against plain LRU.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "remote/trace_costs.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

struct named_trace {
    std::string name;
    trace blocks;
};

/// Numbers of blocks as `windows.txt` has them: the place in a list of what was used last, or a new block.
[[nodiscard]] trace decoded(const std::string& text) {
    trace all;
    std::vector<std::uint64_t> recent;  // the last one at the end
    const auto digit = [&](std::size_t i) { return static_cast<std::uint64_t>(text.at(i) - '!'); };
    for (std::size_t i = 0; i < text.size();) {
        std::uint64_t block = 0;
        if (text[i] == 'z') {
            for (std::size_t j = 1; j <= 4; ++j) block = block * 88 + digit(i + j);
            i += 5;
        } else {
            const bool is_far = text[i] == 'y';
            const std::uint64_t place = is_far ? digit(i + 1) * 88 + digit(i + 2) : digit(i);
            i += is_far ? 3 : 1;
            const std::size_t at = recent.size() - 1 - static_cast<std::size_t>(place);
            block = recent.at(at);
            recent.erase(recent.begin() + static_cast<std::ptrdiff_t>(at));
        }
        recent.push_back(block);
        all.push_back(block);
    }
    return all;
}
/// A name, its blocks, an empty line.
[[nodiscard]] std::vector<named_trace> held_out() {
    std::ifstream file(ASHLAR_TEST_DATA "/traces/windows.txt");
    std::vector<named_trace> all;
    std::string text;
    bool is_new = true;
    for (std::string line; std::getline(file, line);) {
        if (line.empty()) {
            if (!is_new) all.back().blocks = decoded(text);
            is_new = true;
        } else if (is_new) {
            all.push_back({line, {}});
            text.clear();
            is_new = false;
        } else {
            text += line;
        }
    }
    if (!is_new) all.back().blocks = decoded(text);
    return all;
}

TEST_CASE("traces that nothing was chosen by") {
    const auto all = held_out();
    REQUIRE(all.size() == 6);
    std::uint64_t aims = 0;
    std::uint64_t best_aims = 0;
    std::uint64_t plain_aims = 0;
    for (const named_trace& each : all) {
        REQUIRE(each.blocks.size() >= 5000);
        for (const std::uint32_t windows : {8U, 16U, 64U}) {
            memory_aimer model;
            model.count = windows;
            const std::uint64_t got = run(each.blocks, model).aims;
            const std::uint64_t best = belady(each.blocks, windows);
            const std::uint64_t plain = lru(each.blocks, model).aims;
            tell(each.name.c_str(), (std::to_string(windows) + " windows").c_str(), got, best, plain);
            CHECK(got >= best);
            // Never much dearer than LRU: while it is not clear which guess is right, and no longer.
            CHECK(got * 100 <= plain * 105 + 250 * std::uint64_t{windows});
            aims += got;
            best_aims += best;
            plain_aims += plain;
        }
    }
    tell("all of them", "", aims, best_aims, plain_aims);
    CHECK(aims < plain_aims);
}

TEST_CASE("what it costs on traces that nothing was chosen by") {
    constexpr std::uint64_t command = 100'000'000;
    memory_aimer switchtec;
    switchtec.bytes = 0x10000;
    switchtec.count = 33;
    switchtec.costs.assign(33, command);
    switchtec.costs[0] = 2 * command;
    memory_aimer decoders;
    decoders.bytes = 0x1000'0000;
    decoders.count = 10;
    decoders.cost = 60'000;
    decoders.ordered = true;
    std::uint64_t sum = 0;
    std::uint64_t plain_sum = 0;
    for (const named_trace& each : held_out()) {
        const auto compare = [&](const char* what, memory_aimer model) {
            const spent got = run(each.blocks, model);
            const spent plain = lru(each.blocks, model);
            tell(each.name.c_str(), what, got.nanoseconds / 1000, plain.nanoseconds / 1000,
                 plain.nanoseconds / 1000);
            return std::pair{got.nanoseconds, plain.nanoseconds};
        };
        const auto [got, plain] = compare("Switchtec us", switchtec);
        CHECK(got * 100 <= plain * 105 + 250 * 33 * command);
        sum += got;
        plain_sum += plain;
        const auto [of_decoders, of_plain] = compare("LIFO us", decoders);
        CHECK(of_decoders * 2 < of_plain);
    }
    tell("all of them", "Switchtec us", sum / 1000, plain_sum / 1000, plain_sum / 1000);
    CHECK(sum < plain_sum);
}

}  // namespace
