// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/memory_performance.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace firmware_tests {

/// What a reader needs, with room enough for every dump.
struct setup {
    ashlar::memory_entry entries[256]{};
    ashlar::memory_map map{entries};
    ashlar::defect found[32]{};
    ashlar::defects defects{found};
    ashlar::topology nodes{};
    ashlar::access_performance pairs[64]{};
    ashlar::memory_side_cache caches[32]{};
    ashlar::memory_performance performance{pairs, caches};

    constexpr explicit setup(unsigned page_shift = 12) : map(entries, page_shift) {}

    /// Exactly one finding, and it is this.
    [[nodiscard]] constexpr bool only(ashlar::table source, std::uint64_t offset,
                                      ashlar::defect_kind kind) const {
        return defects.size() == 1 && defects[0].source == source && defects[0].offset == offset &&
               defects[0].kind == kind;
    }

    /// The entries are exactly these.
    template <std::size_t N>
    [[nodiscard]] constexpr bool holds(const ashlar::memory_entry (&expected)[N]) const {
        if (map.entries().size() != N) return false;
        for (std::size_t i = 0; i < N; ++i) {
            if (map.entries()[i] != expected[i]) return false;
        }
        return true;
    }
};

/// The text of a literal, without its terminator.
template <std::size_t N>
[[nodiscard]] constexpr ashlar::view<const char> text(const char (&literal)[N]) {
    return {literal, N - 1};
}

/// The invariant of a memory map.
[[nodiscard]] constexpr bool well_formed(const ashlar::memory_map& map) {
    const auto entries = map.entries();
    if (entries.size() > map.capacity()) return false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const ashlar::memory_entry& entry = entries[i];
        if (entry.begin >= entry.end) return false;
        const bool blank = entry.kind == ashlar::memory_kind::none && entry.attributes == 0 &&
                           entry.node == ashlar::any_node;
        // The bits above the public ones are the readers' and gone when they return.
        if (blank || (entry.attributes & 0xf0) != 0) return false;
        if (i == 0) continue;
        const ashlar::memory_entry& before = entries[i - 1];
        if (before.end > entry.begin) return false;
        const bool alike =
            before.kind == entry.kind && before.attributes == entry.attributes && before.node == entry.node;
        if (before.end == entry.begin && alike) return false;
    }
    return true;
}

/// The kind of one byte.
[[nodiscard]] constexpr ashlar::memory_kind kind_at(const ashlar::memory_map& map, std::uint64_t address) {
    for (const ashlar::memory_entry& entry : map.entries()) {
        if (entry.begin <= address && address < entry.end) return entry.kind;
    }
    return ashlar::memory_kind::none;
}

/// True if every byte that is usable in `part` is usable in `whole`.
[[nodiscard]] constexpr bool usable_within(const ashlar::memory_map& part, const ashlar::memory_map& whole) {
    for (const ashlar::memory_entry& entry : part.entries()) {
        if (entry.kind != ashlar::memory_kind::usable) continue;
        const bool outside = whole.any_of(entry.begin, entry.end, [](const ashlar::memory_entry& other) {
            return other.kind != ashlar::memory_kind::usable;
        });
        if (outside) return false;
        std::uint64_t covered = entry.begin;
        for (const ashlar::memory_entry& other : whole.entries()) {
            if (other.begin <= covered && covered < other.end) covered = other.end;
        }
        if (covered < entry.end) return false;
    }
    return true;
}

}  // namespace firmware_tests
