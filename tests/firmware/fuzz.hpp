// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/setup.hpp"

namespace firmware_tests {

/// Stops the fuzzer with the input at hand.
inline void require(bool condition) {
    if (!condition) __builtin_trap();
}

/// What an independent, simple reading of the input says about a range of bytes.
struct claimed_range {
    std::uint64_t first;
    std::uint64_t last;
    bool usable;
};

/// True if the byte is claimed as usable, and by nobody as anything else.
inline bool may_be_used(const std::vector<claimed_range>& claims, std::uint64_t address) {
    bool usable = false;
    for (const claimed_range& claim : claims) {
        if (address < claim.first || address > claim.last) continue;
        if (!claim.usable) return false;
        usable = true;
    }
    return usable;
}

/// Every usable frame of the map consists of bytes that may be used. Claims are constant between the points
/// at which they begin and end, so these points are enough.
inline void require_usable_within(const ashlar::memory_map& map, const std::vector<claimed_range>& claims) {
    map.for_each_usable([&](const ashlar::usable_run& run) {
        const std::uint64_t begin = run.frames.first.number << map.page_shift();
        const std::uint64_t last = begin + (run.frames.count << map.page_shift()) - 1;
        require(may_be_used(claims, begin));
        for (const claimed_range& claim : claims) {
            if (claim.first >= begin && claim.first <= last) require(may_be_used(claims, claim.first));
            if (claim.last >= begin && claim.last < last) require(may_be_used(claims, claim.last + 1));
        }
    });
}

/// The first bytes of an input choose how the rest is read: a map of any capacity, pages of any usual size.
class fuzz_input {
 public:
    fuzz_input(const std::uint8_t* data, std::size_t size)
        : input_(reinterpret_cast<const std::byte*>(data), size),
          entries_(choice(64)),
          map_(ashlar::view<ashlar::memory_entry>(entries_.data(), entries_.size()), 12 + 2 * choice(3)),
          found_(choice(16)),
          defects_(ashlar::view<ashlar::defect>(found_.data(), found_.size())) {}

    /// The next byte of the input, below `bound`.
    unsigned choice(unsigned bound) {
        if (input_.empty()) return 0;
        const auto value = std::to_integer<unsigned>(input_[0]) % bound;
        input_ = input_.subview(1);
        return value;
    }

    [[nodiscard]] ashlar::bytes rest() const { return input_; }
    [[nodiscard]] ashlar::memory_map& map() { return map_; }
    [[nodiscard]] ashlar::defects& defects() { return defects_; }
    [[nodiscard]] ashlar::topology& nodes() { return nodes_; }

    /// What must hold whatever the input was.
    void require_invariants() {
        require(well_formed(map_));
        require(defects_.size() <= found_.size());
        for (const ashlar::defect& found : defects_) require(found.offset <= input_.size());
        require(nodes_.node_count() >= 1 && nodes_.node_count() <= ashlar::max_nodes);
        for (unsigned a = 0; a < nodes_.node_count(); ++a) {
            for (unsigned b = 0; b < nodes_.node_count(); ++b) {
                const auto distance =
                    nodes_.distance(static_cast<ashlar::node_id>(a), static_cast<ashlar::node_id>(b));
                require(a == b ? distance == ashlar::local_distance : distance > ashlar::local_distance);
            }
        }
    }

 private:
    ashlar::bytes input_;
    std::vector<ashlar::memory_entry> entries_;
    ashlar::memory_map map_;
    std::vector<ashlar::defect> found_;
    ashlar::defects defects_;
    ashlar::topology nodes_;
};

/// Little-endian, without the library's loads.
inline std::uint64_t number_at(ashlar::bytes input, std::size_t offset, unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = count; i-- > 0;) value = value << 8 | std::to_integer<unsigned>(input[offset + i]);
    return value;
}

}  // namespace firmware_tests
