// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/linux_log.hpp>

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

namespace {

bool is_hexadecimal(char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

/// What may stand between the numbers of a range beside its separator.
bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0 || c == '>' || c == '\0';
}

/// Every pair of hexadecimal numbers around a separator: whatever a line means, memory is nowhere else.
std::vector<claimed_range> pairs_in(const std::string& log) {
    std::vector<claimed_range> pairs;
    constexpr const char* separators = "-,@";
    for (std::size_t at = log.find_first_of(separators); at != std::string::npos;
         at = log.find_first_of(separators, at + 1)) {
        std::size_t left_end = at;
        while (left_end > 0 && is_blank(log[left_end - 1])) --left_end;
        std::size_t left = left_end;
        while (left > 0 && is_hexadecimal(log[left - 1])) --left;
        std::size_t right = at + 1;
        while (right < log.size() && is_blank(log[right])) ++right;
        if (log.compare(right, 2, "0x") == 0) right += 2;
        if (left == left_end || right >= log.size() || !is_hexadecimal(log[right])) continue;
        const std::uint64_t first = std::strtoull(log.substr(left, left_end - left).c_str(), nullptr, 16);
        const std::uint64_t second = std::strtoull(log.c_str() + right, nullptr, 16);
        if (log[at] == '@') {
            if (first != 0 && second + (first - 1) >= second) {
                pairs.push_back({second, second + (first - 1), true});
            }
        } else if (first <= second) {
            pairs.push_back({first, second, true});
        }
    }
    return pairs;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    ashlar::topology* const nodes = input.choice(2) == 0 ? &input.nodes() : nullptr;
    std::string log;
    for (const std::byte b : input.rest()) log += static_cast<char>(b);
    (void)ashlar::read_linux_log({log.data(), log.size()}, input.map(), nodes, input.defects());
    input.require_invariants();
    require_usable_within(input.map(), pairs_in(log));
    return 0;
}
