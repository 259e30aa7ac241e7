// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/p2m_format.hpp>
#include <cstdint>

namespace ashlar {

/// Where a walk through a P2M ended: at a leaf, or at an entry that leads nowhere.
struct p2m_walk {
    bool is_mapped = false;
    byte_address<peer> at{};        ///< what the address is, if it is mapped
    std::uint64_t bytes = 0;        ///< from there to the end of the block
    std::uint64_t entry = 0;        ///< the last one that was read
    unsigned level = 0;             ///< of that entry
    byte_address<peer> entry_at{};  ///< where it lies
};

/// True if one of these ranges has all the bytes: what a server declares to be its memory.
[[nodiscard]] constexpr bool declares(view<const byte_range<peer>> memory, byte_address<peer> at,
                                      std::uint64_t length) noexcept {
    bool declared = false;
    for (const byte_range<peer>& each : memory) declared = declared || each.contains(at, length);
    return declared;
}

/// Finds what a guest's address is in a table that nobody has to be trusted with.
///
/// - `memory`: what the table's server declares. Tables and blocks outside of it are never read or answered.
/// - `read(byte_address<peer>)` answers the entry there, a `result<std::uint64_t>`: one load of 8 bytes that
///   are aligned and declared. It is the only way to memory.
/// - Complexity: at most `Format::levels` reads, whatever the table holds. Context: that of `read`.
/// - Failure: `unmapped` for an address that the table is not about; `corrupt` for a table or block that is
///   not aligned, or not all in the declared memory; else what `read` said. An entry that is not valid is no
///   failure, and told.
/// - Source: CN103823638 (a remote domain's P2M, read through the bridge).
///
/// ```
/// const auto found = ashlar::walk_p2m<ashlar::flat_p2m<>>({{0x20'0000}, {0x70000}, 0x10000}, declared,
///                                                         {0x7000'0010}, read);
/// if (found && found->is_mapped) use(found->at, found->bytes);        // 0x34'5010, 0xff0
/// ```
template <p2m_format Format, class Read>
[[nodiscard]] constexpr result<p2m_walk> walk_p2m(const p2m_table& table, view<const byte_range<peer>> memory,
                                                  byte_address<guest> address, Read&& read) noexcept {
    const std::uint64_t number = address.value >> Format::page_shift;
    if (number < table.first.number) return errc::unmapped;
    unsigned below = 0;
    for (unsigned level = 0; level + 1 < Format::levels; ++level) below += Format::index_bits(level);
    const std::uint64_t page = number - table.first.number;
    std::uint64_t index = below >= 64 ? 0 : page >> below;
    if (index >= table.entries) return errc::unmapped;
    p2m_walk found;
    byte_address<peer> from = table.root;
    for (unsigned level = Format::levels - 1;; --level) {
        if (from.value % 8 != 0 || index > (~std::uint64_t{0} - from.value) / 8) return errc::corrupt;
        found.level = level;
        found.entry_at = from + index * 8;
        if (!declares(memory, found.entry_at, 8)) return errc::corrupt;
        const result<std::uint64_t> entry = read(found.entry_at);
        if (!entry) return entry.error();
        found.entry = *entry;
        if (!Format::is_valid(*entry, level)) return found;
        from = {Format::address_of(*entry, level)};
        if (level == 0 || Format::is_leaf(*entry, level)) break;
        below -= Format::index_bits(level - 1);
        index = page >> below & ((std::uint64_t{1} << Format::index_bits(level - 1)) - 1);
    }
    const unsigned shift = below + Format::page_shift;
    if (shift >= 64) return errc::corrupt;
    const std::uint64_t block = std::uint64_t{1} << shift;
    if (from.value % block != 0 || !declares(memory, from, block)) return errc::corrupt;
    const std::uint64_t offset =
        (page << Format::page_shift | address.offset_in(std::uint64_t{1} << Format::page_shift)) &
        (block - 1);
    found.is_mapped = true;
    found.at = from + offset;
    found.bytes = block - offset;
    return found;
}

}  // namespace ashlar
