// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/pvh.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const bool info = input.choice(2) == 0;
    const ashlar::bytes table = input.rest();
    if (info) {
        const auto start = ashlar::read_pvh_start_info(table, input.defects());
        input.require_invariants();
        if (!start) return 0;
        require(table.size() >= 40 && number_at(table, 0, 4) == 0x336ec578);
        require(start->version == number_at(table, 4, 4));
        require(start->map_address == (start->version == 0 ? 0 : number_at(table, 40, 8)));
        require(start->map_entries == (start->version == 0 ? 0 : number_at(table, 48, 4)));
        return 0;
    }
    (void)ashlar::read_pvh_map(table, input.map(), input.defects());
    input.require_invariants();
    std::vector<claimed_range> claims;
    for (std::size_t at = 0; at + 24 <= table.size(); at += 24) {
        const std::uint64_t base = number_at(table, at, 8);
        const std::uint64_t length = number_at(table, at + 8, 8);
        if (length == 0) continue;
        const bool usable = number_at(table, at + 16, 4) == 1;
        const bool wraps = base + length - 1 < base;
        if (wraps && usable) continue;
        claims.push_back({base, wraps ? ~std::uint64_t{0} : base + length - 1, usable});
    }
    require_usable_within(input.map(), claims);
    return 0;
}
