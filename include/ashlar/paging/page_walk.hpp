// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// Where a walk ended: the entry that translates an address, or the one that is not present.
template <page_table_format Format, class Space = machine>
struct page_walk {
    typename Format::entry entry = 0;
    unsigned level = 0;         ///< of the entry
    frame<Space> table{};       ///< the frame that the entry lies in
    std::uint64_t index = 0;    ///< of the entry in that frame
    std::uint64_t address = 0;  ///< what was looked for

    [[nodiscard]] constexpr bool is_mapped() const noexcept { return Format::is_present(entry); }
    /// The frame that the address lies in. `is_mapped` only.
    template <class Target = machine>
    [[nodiscard]] constexpr frame<Target> target() const noexcept {
        return first<Target>() + (address >> Format::page_shift & (pages() - 1));
    }
    /// The first frame of the block that the entry maps, and how many there are. `is_mapped` only.
    template <class Target = machine>
    [[nodiscard]] constexpr frame<Target> first() const noexcept {
        return {Format::frame_of(entry, level)};
    }
    [[nodiscard]] constexpr std::uint64_t pages() const noexcept {
        return std::uint64_t{1} << page_geometry<Format>::order_of(level);
    }
    [[nodiscard]] constexpr typename Format::permissions permissions() const noexcept {
        return Format::permissions_of(entry, level);
    }
};

/// Finds the entry for an address in tables that nobody has to be trusted with: the same walk as the
/// processor's, without its caches. It sets no accessed flag.
///
/// - `root`: the first frame of the root. `read(table, index)` answers the entry, a `result<entry>`: index
///   entries of 8 bytes into that frame. It is the only way to memory: an access policy that knows which
///   frames there are (a guest's memory, a direct map) refuses all others with an error of its own, and a
///   table that points anywhere leads nowhere.
/// - The permissions of tables above are not combined with those of the leaf.
/// - Complexity: at most `levels` reads; nothing is written. Context: that of `read`.
/// - Failure: `invalid` for an address that the format does not translate, `corrupt` for an entry that is not
///   well formed (reserved bits, a block where none may be, frames beyond the physical width), else what
///   `read` said. An entry that is not present is no failure.
///
/// Example:
/// ```
/// const auto read = [&](ashlar::frame<ashlar::guest> table, std::uint64_t index) {
///     return ram.contains(table) ? entry_at(table, index) : ashlar::errc::not_owned;
/// };
/// const auto found = ashlar::walk<ashlar::x86_64>(ashlar::frame<ashlar::guest>{cr3 >> 12}, address, read);
/// if (found && found->is_mapped()) return found->target<ashlar::guest>();
/// ```
template <page_table_format Format, class Space, class Read>
[[nodiscard]] constexpr result<page_walk<Format, Space>> walk(frame<Space> root, std::uint64_t address,
                                                              Read&& read) noexcept {
    if (!Format::valid_address(address)) return errc::invalid;
    frame<Space> table = root;
    for (unsigned level = Format::levels - 1;; --level) {
        const std::uint64_t index = page_geometry<Format>::index_of(address, level);
        const frame<Space> part = table + (index >> Format::index_bits);
        const std::uint64_t within = index & ((std::uint64_t{1} << Format::index_bits) - 1);
        const result<typename Format::entry> got = read(part, within);
        if (!got) return got.error();
        if (!Format::well_formed(*got, level)) return errc::corrupt;
        if (level == 0 || !Format::is_present(*got) || Format::is_leaf(*got, level)) {
            return page_walk<Format, Space>{*got, level, part, within, address};
        }
        table = {Format::frame_of(*got, level)};
    }
}

}  // namespace ashlar
