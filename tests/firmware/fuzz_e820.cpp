// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/e820.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const std::size_t stride = input.choice(4) == 0 ? input.choice(40) : 20 + 4 * input.choice(2);
    const bool attributes = input.choice(2) == 0;
    const auto extra = attributes ? ashlar::e820_extra::attributes : ashlar::e820_extra::padding;
    const ashlar::bytes table = input.rest();
    (void)ashlar::read_e820(table, stride, input.map(), input.defects(), extra);
    input.require_invariants();

    std::vector<claimed_range> claims;
    if (stride == 20 || stride >= 24) {
        for (std::size_t at = 0; at + stride <= table.size(); at += stride) {
            const std::uint64_t base = number_at(table, at, 8);
            const std::uint64_t length = number_at(table, at + 8, 8);
            const std::uint64_t flags = stride >= 24 && attributes ? number_at(table, at + 20, 4) : 1;
            if (length == 0 || (flags & 1) == 0) continue;
            const bool usable = number_at(table, at + 16, 4) == 1 && (flags & 10) == 0;
            const bool wraps = base + length - 1 < base;
            if (wraps && usable) continue;
            claims.push_back({base, wraps ? ~std::uint64_t{0} : base + length - 1, usable});
        }
    }
    require_usable_within(input.map(), claims);
    return 0;
}
