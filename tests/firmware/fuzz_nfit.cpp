// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/nfit.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

namespace {

constexpr std::uint64_t ram_end = 0x8000000000;

/// All address ranges that stand in the table, read once more, simply.
std::vector<claimed_range> ranges_in(ashlar::bytes table) {
    std::vector<claimed_range> claims{{0, ram_end - 1, true}};
    std::size_t length = static_cast<std::size_t>(number_at(table, 4, 4));
    if (length > table.size()) length = table.size();
    std::size_t size = 0;
    for (std::size_t at = 40; length - at >= 4 && at < length; at += size) {
        size = static_cast<std::size_t>(number_at(table, at + 2, 2));
        if (size < 4 || size > length - at) break;
        if (number_at(table, at, 2) != 0 || size < 56) continue;
        // Ordinary memory is the map's business.
        if (number_at(table, at + 16, 8) == 0x44e3fdda7305944f &&
            number_at(table, at + 24, 8) == 0xd0e552d2223f6cb1) {
            continue;
        }
        const std::uint64_t first = number_at(table, at + 32, 8);
        const std::uint64_t count = number_at(table, at + 40, 8);
        if (count == 0) continue;
        const std::uint64_t last = first + count - 1;
        claims.push_back({first, last < first ? ~std::uint64_t{0} : last, false});
    }
    return claims;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned nodes = input.choice(4);
    for (unsigned node = 0; node < nodes; ++node) (void)input.nodes().add(node);
    const bool map_first = input.choice(2) == 0;
    const auto add_map = [&] { (void)input.map().add(0, ram_end, ashlar::memory_kind::usable); };
    if (map_first) add_map();
    const ashlar::errc answer = ashlar::read_nfit(input.rest(), input.map(), input.nodes(), input.defects());
    if (!map_first) add_map();
    input.require_invariants();
    for (const ashlar::memory_entry& entry : input.map().entries()) {
        require(entry.node == ashlar::any_node || entry.node < nodes);
        require(entry.attributes == 0);
    }
    if (answer == ashlar::errc::invalid) return 0;
    // In a map that was full before, nothing can be taken away from memory that comes later.
    if (answer == ashlar::errc::limit && !map_first) return 0;
    require_usable_within(input.map(), ranges_in(input.rest()));
    return 0;
}
