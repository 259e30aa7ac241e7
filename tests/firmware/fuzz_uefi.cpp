// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

__extension__ using wide = unsigned __int128;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const bool file = input.choice(2) == 0;
    std::size_t stride = input.choice(4) == 0 ? input.choice(64) : 40 + 8 * input.choice(2);
    ashlar::bytes descriptors = input.rest();
    if (file) {
        (void)ashlar::read_efi_map_file(descriptors, input.map(), input.defects());
        const bool readable = ashlar::is_efi_map_file(descriptors);
        stride = readable ? static_cast<std::size_t>(number_at(descriptors, 8, 4)) : 0;
        descriptors = readable
                          ? descriptors.subview(16, static_cast<std::size_t>(number_at(descriptors, 12, 4)))
                          : ashlar::bytes();
    } else {
        (void)ashlar::read_uefi(descriptors, stride, input.map(), input.defects());
    }
    input.require_invariants();

    std::vector<claimed_range> claims;
    for (std::size_t at = 0; stride >= 40 && at + stride <= descriptors.size(); at += stride) {
        const std::uint64_t type = number_at(descriptors, at, 4);
        const std::uint64_t first = number_at(descriptors, at + 8, 8);
        const std::uint64_t pages = number_at(descriptors, at + 24, 8);
        const std::uint64_t attributes = number_at(descriptors, at + 32, 8);
        if (pages == 0) continue;
        const bool ram = (type >= 1 && type <= 4) || type == 7;
        const bool usable = ram && (attributes & 0x8000000000048008) == 0x8;
        const wide end = first + (static_cast<wide>(pages) << 12);
        const bool wraps = end > static_cast<wide>(1) << 64 || pages >> 52 != 0;
        if (wraps && usable) continue;
        claims.push_back({first, wraps ? ~std::uint64_t{0} : static_cast<std::uint64_t>(end - 1), usable});
    }
    require_usable_within(input.map(), claims);
    return 0;
}
