// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/multiboot.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

namespace {

using claims = std::vector<claimed_range>;

void claim(claims& all, std::uint64_t base, std::uint64_t length, bool usable) {
    if (length == 0) return;
    const bool wraps = base + length - 1 < base;
    if (wraps && usable) return;
    all.push_back({base, wraps ? ~std::uint64_t{0} : base + length - 1, usable});
}

void claim_range(claims& all, ashlar::bytes input, std::size_t at) {
    claim(all, number_at(input, at, 8), number_at(input, at + 8, 8), number_at(input, at + 16, 4) == 1);
}

void claim_descriptor(claims& all, ashlar::bytes input, std::size_t at) {
    const std::uint64_t type = number_at(input, at, 4);
    const std::uint64_t attributes = number_at(input, at + 32, 8);
    const std::uint64_t first = number_at(input, at + 8, 8);
    const std::uint64_t pages = number_at(input, at + 24, 8);
    const bool memory = (type >= 1 && type <= 4) || type == 7;
    const bool usable =
        memory && (attributes & 8) != 0 && (attributes & 0x48000) == 0 && attributes >> 63 == 0;
    if (pages > ~std::uint64_t{0} >> 12) {
        claim(all, first, usable ? 0 : ~std::uint64_t{0} - first, false);
    } else {
        claim(all, first, pages << 12, usable);
    }
}

claims claims_of_map(ashlar::bytes input) {
    claims all;
    for (std::size_t at = 0; input.size() - at >= 4;) {
        const std::uint64_t size = number_at(input, at, 4);
        if (size < 20 || size > input.size() - at - 4) break;
        claim_range(all, input, at + 4);
        at += 4 + static_cast<std::size_t>(size);
    }
    return all;
}

claims claims_of_information(ashlar::bytes input) {
    claims all;
    if (input.size() < 8 || number_at(input, 0, 4) > input.size()) return all;
    const std::uint64_t end = number_at(input, 0, 4);
    for (std::uint64_t at = 8; at + 8 <= end;) {
        const auto tag = static_cast<std::size_t>(at);
        const std::uint64_t type = number_at(input, tag, 4);
        const std::uint64_t size = number_at(input, tag + 4, 4);
        if (type == 0 || size < 8 || at + size > end) break;
        if (type == 18) return {};
        const std::uint64_t stride = size < 16 ? 0 : number_at(input, tag + 8, 4);
        if (type == 6 && stride >= 24) {
            for (std::uint64_t i = at + 16; i + stride <= at + size; i += stride) {
                claim_range(all, input, static_cast<std::size_t>(i));
            }
        }
        if (type == 17 && stride >= 40) {
            for (std::uint64_t i = at + 16; i + stride <= at + size; i += stride) {
                claim_descriptor(all, input, static_cast<std::size_t>(i));
            }
        }
        at += (size + 7) / 8 * 8;
    }
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const unsigned form = input.choice(3);
    const ashlar::bytes table = input.rest();
    if (form == 0) {
        const auto info = ashlar::read_multiboot1_info(table, input.defects());
        input.require_invariants();
        require(info.has_value() == (table.size() >= 52));
        return 0;
    }
    const bool first = form == 1;
    (void)(first ? ashlar::read_multiboot1_map(table, input.map(), input.defects())
                 : ashlar::read_multiboot2(table, input.map(), input.defects()));
    input.require_invariants();
    require_usable_within(input.map(), first ? claims_of_map(table) : claims_of_information(table));
    return 0;
}
