// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// What the entries of a table from guest to physical frames (P2M) mean; the user's. Entries have 8 bytes.
///
/// - `levels`: 1 to 4. Level 0 has the leaves; the root is level `levels` - 1, and has as many entries as its
///   `p2m_table` says.
/// - `page_shift`: a page has 2^page_shift bytes.
/// - `index_bits(level)`: a table below the root has 2^index_bits entries.
/// - `is_valid(entry, level)`: it leads somewhere.
/// - `is_leaf(entry, level)`: a valid one of a level above 0 that maps a block. Level 0 is always a leaf.
/// - `address_of(entry, level)`: of the block's first byte, or of the next table.
template <class F>
concept p2m_format = requires(std::uint64_t entry, unsigned level) {
    { F::levels } -> std::convertible_to<unsigned>;
    { F::page_shift } -> std::convertible_to<unsigned>;
    { F::index_bits(level) } -> std::convertible_to<unsigned>;
    { F::is_valid(entry, level) } -> std::convertible_to<bool>;
    { F::is_leaf(entry, level) } -> std::convertible_to<bool>;
    { F::address_of(entry, level) } -> std::convertible_to<std::uint64_t>;
}
&&(F::levels >= 1 && F::levels <= 4 && F::page_shift >= 3 && F::page_shift < 40);

/// Where a P2M lies on its server: the root's first byte, and which frames it is about: the entry at index 0
/// translates `first`.
struct p2m_table {
    byte_address<peer> root{};
    frame<guest> first{};
    std::uint64_t entries = 0;
};

/// One array of frame numbers. All ones is no frame (Xen's INVALID_P2M_ENTRY).
template <unsigned PageShift = 12>
struct flat_p2m {
    static constexpr unsigned levels = 1;
    static constexpr unsigned page_shift = PageShift;
    static constexpr std::uint64_t invalid = ~std::uint64_t{0};

    [[nodiscard]] static constexpr unsigned index_bits(unsigned) noexcept { return 0; }
    [[nodiscard]] static constexpr bool is_valid(std::uint64_t entry, unsigned) noexcept {
        return entry != invalid;
    }
    [[nodiscard]] static constexpr bool is_leaf(std::uint64_t, unsigned) noexcept { return true; }
    /// Frame numbers that no address can have become one that no memory has.
    [[nodiscard]] static constexpr std::uint64_t address_of(std::uint64_t entry, unsigned) noexcept {
        return entry >> (64 - PageShift) != 0 ? invalid : entry << PageShift;
    }
};

/// A tree of page-sized tables: bit 0 says valid, bit 1 leaf, the bits from 12 on are the address.
template <unsigned Levels>
struct tree_p2m {
    static constexpr unsigned levels = Levels;
    static constexpr unsigned page_shift = 12;

    [[nodiscard]] static constexpr unsigned index_bits(unsigned) noexcept { return 9; }
    [[nodiscard]] static constexpr bool is_valid(std::uint64_t entry, unsigned) noexcept {
        return entry % 2 != 0;
    }
    [[nodiscard]] static constexpr bool is_leaf(std::uint64_t entry, unsigned) noexcept {
        return (entry & 2) != 0;
    }
    [[nodiscard]] static constexpr std::uint64_t address_of(std::uint64_t entry, unsigned) noexcept {
        return entry & ~std::uint64_t{0xfff};
    }
};

}  // namespace ashlar
