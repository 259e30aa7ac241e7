// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/linux_memmap.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

namespace {

/// Every two numbers with 0x that follow each other, and whether RAM is named behind them: whatever a line
/// means, memory is nowhere else.
std::vector<claimed_range> pairs_in(const std::string& listing) {
    std::vector<claimed_range> pairs;
    for (std::size_t at = listing.find("0x"); at != std::string::npos; at = listing.find("0x", at + 2)) {
        const std::size_t next = listing.find("0x", at + 2);
        if (next == std::string::npos) break;
        const std::uint64_t first = std::strtoull(listing.c_str() + at + 2, nullptr, 16);
        const std::uint64_t last = std::strtoull(listing.c_str() + next + 2, nullptr, 16);
        if (first <= last) pairs.push_back({first, last, true});
    }
    return pairs;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    std::string listing;
    for (const std::byte b : input.rest()) listing += static_cast<char>(b);
    const ashlar::view<const char> text{listing.data(), listing.size()};
    const ashlar::errc answer = ashlar::read_linux_memmap(text, input.map(), input.defects());
    input.require_invariants();
    require_usable_within(input.map(), pairs_in(listing));
    if (ashlar::is_linux_memmap(text)) require(answer != ashlar::errc::invalid);
    if (answer == ashlar::errc::invalid) require(input.map().entries().empty());
    return 0;
}
