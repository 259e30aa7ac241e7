// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/fdt.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

namespace {

std::uint64_t big_at(ashlar::bytes input, std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | std::to_integer<unsigned>(input[at + i]);
    return value;
}

/// The reader's second opinion: a tree of nodes with all of their properties, of a blob that was accepted.
struct node {
    std::string name;
    std::map<std::string, ashlar::bytes> properties;
    unsigned depth = 0;
    std::size_t parent = 0;
};

std::string text_at(ashlar::bytes input, std::size_t at, std::size_t end) {
    std::string text;
    while (at < end && input[at] != std::byte{0})
        text += static_cast<char>(std::to_integer<int>(input[at++]));
    return text;
}

std::vector<node> nodes_of(ashlar::bytes input) {
    std::vector<node> all;
    std::vector<std::size_t> open;
    const auto strings = static_cast<std::size_t>(big_at(input, 12, 4));
    const std::size_t strings_end = strings + static_cast<std::size_t>(big_at(input, 32, 4));
    for (auto at = static_cast<std::size_t>(big_at(input, 8, 4));;) {
        const std::uint64_t token = big_at(input, at, 4);
        at += 4;
        if (token == 9) return all;
        if (token == 1) {
            node one;
            one.name = text_at(input, at, input.size());
            one.depth = static_cast<unsigned>(open.size());
            one.parent = open.empty() ? 0 : open.back();
            at = (at + one.name.size() + 4) / 4 * 4;
            open.push_back(all.size());
            all.push_back(one);
        } else if (token == 2) {
            open.pop_back();
        } else if (token == 3) {
            const auto size = static_cast<std::size_t>(big_at(input, at, 4));
            const auto name = static_cast<std::size_t>(big_at(input, at + 4, 4));
            all[open.back()].properties.emplace(text_at(input, strings + name, strings_end),
                                                input.subview(at + 8, size));
            at = (at + 8 + size + 3) / 4 * 4;
        }
    }
}

bool says(const node& one, const char* name, const std::string& text) {
    const auto found = one.properties.find(name);
    if (found == one.properties.end() || found->second.size() != text.size() + 1) return false;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (std::to_integer<char>(found->second[i]) != text.c_str()[i]) return false;
    }
    return true;
}

bool available(const node& one) {
    return one.properties.count("status") == 0 || says(one, "status", "ok") || says(one, "status", "okay");
}

std::uint64_t cells(const node& one, const char* name, std::uint64_t otherwise) {
    const auto found = one.properties.find(name);
    if (found == one.properties.end()) return otherwise;
    return found->second.size() == 4 ? big_at(found->second, 0, 4) : 0;
}

void claim(std::vector<claimed_range>& claims, std::uint64_t base, std::uint64_t size, bool usable) {
    if (size == 0) return;
    const bool wraps = base + size - 1 < base;
    if (wraps && usable) return;
    claims.push_back({base, wraps ? ~std::uint64_t{0} : base + size - 1, usable});
}

void claim_all(std::vector<claimed_range>& claims, ashlar::bytes reg, std::uint64_t address,
               std::uint64_t size, bool usable) {
    const auto first = static_cast<std::size_t>(4 * address);
    const auto second = static_cast<std::size_t>(4 * size);
    for (std::size_t at = 0; at + first + second <= reg.size(); at += first + second) {
        claim(claims, big_at(reg, at, first), big_at(reg, at + first, second), usable);
    }
}

/// What lies outside of all the ranges that a crash kernel may use is somebody else's.
void reserve_the_rest(std::vector<claimed_range>& claims, ashlar::bytes allowed, std::uint64_t address,
                      std::uint64_t size) {
    constexpr std::size_t most = 16;
    std::vector<claimed_range> ranges;
    claim_all(ranges, allowed, address, size, true);
    if (ranges.size() > most) ranges.resize(most);
    std::sort(ranges.begin(), ranges.end(),
              [](const claimed_range& a, const claimed_range& b) { return a.first < b.first; });
    std::uint64_t at = 0;
    for (const claimed_range& range : ranges) {
        if (range.first > at) claims.push_back({at, range.first - 1, false});
        if (range.last == ~std::uint64_t{0}) return;
        at = std::max(at, range.last + 1);
    }
    claims.push_back({at, ~std::uint64_t{0}, false});
}

bool usual(std::uint64_t count) {
    return count == 1 || count == 2;
}

std::vector<claimed_range> claims_of(ashlar::bytes input) {
    std::vector<claimed_range> claims;
    for (auto at = static_cast<std::size_t>(big_at(input, 16, 4));; at += 16) {
        const std::uint64_t base = big_at(input, at, 8);
        const std::uint64_t size = big_at(input, at + 8, 8);
        if (base == 0 && size == 0) break;
        claim(claims, base, size, false);
    }
    const std::vector<node> all = nodes_of(input);
    const std::uint64_t address = cells(all[0], "#address-cells", 2);
    const std::uint64_t size = cells(all[0], "#size-cells", 1);
    for (const node& one : all) {
        const auto allowed = one.properties.find("linux,usable-memory-range");
        if (one.depth != 1 || one.name != "chosen" || allowed == one.properties.end()) continue;
        reserve_the_rest(claims, allowed->second, address, size);
        break;
    }
    for (const node& one : all) {
        const node& parent = all[one.parent];
        const auto reg = one.properties.find("reg");
        if (!available(one)) continue;
        if (one.depth == 1 && says(one, "device_type", "memory")) {
            const auto other = one.properties.find("linux,usable-memory");
            if (other != one.properties.end()) {
                claim_all(claims, other->second, address, size, true);
            } else if (reg != one.properties.end()) {
                claim_all(claims, reg->second, address, size, true);
            }
        }
        if (one.depth == 2 && parent.name == "reserved-memory" && reg != one.properties.end()) {
            const std::uint64_t own_address = cells(parent, "#address-cells", address);
            const std::uint64_t own_size = cells(parent, "#size-cells", size);
            const bool own = usual(own_address) && usual(own_size);
            claim_all(claims, reg->second, own ? own_address : address, own ? own_size : size, false);
        }
    }
    return claims;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const ashlar::bytes tree = input.rest();
    const auto kept = [&input](const ashlar::fdt_reservation& one) {
        require(one.begin < one.end);
        require(!input.map().any_of(one.begin, one.end, [](const ashlar::memory_entry& entry) {
            return entry.kind == ashlar::memory_kind::usable;
        }));
    };
    const ashlar::errc answer = ashlar::read_fdt(tree, input.map(), input.nodes(), input.defects(), kept);
    input.require_invariants();
    if (answer == ashlar::errc::invalid) {
        require(input.map().entries().empty() && !input.nodes().has_domains());
    } else {
        require_usable_within(input.map(), claims_of(tree));
    }
    return 0;
}
