// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstdint>

namespace ashlar {

/// The entries of one kind of page table, as a stateless policy: what the bits mean, and nothing else. Frames
/// are numbers here, of the format's smallest page; addresses are what the table translates.
///
/// Levels are counted from the pages up: an entry of level 0 maps a page, one of level n a block of
/// 2^(n * index_bits) pages or a table of level n - 1, and `levels - 1` is the root. (x86-64: PT, PD, PDPT,
/// PML4; AArch64 counts the other way; RISC-V as here.)
///
/// - `page_shift`, `index_bits`, `root_index_bits`, `levels`, `physical_bits`: the geometry. A table fills a
///   page; only that of the root may be larger (Sv39x4, concatenated tables) or smaller.
/// - `permissions`: an aggregate whose first members are read, write, execute; the rest is the format's own.
///   `expressible(permissions)`: an entry can say exactly that.
/// - `leaf(frame, permissions, level, software)`, `table(frame)`, `absent(payload)`: entries. A new leaf is
///   neither accessed nor dirty. `software` has `software_bits` bits of a present entry that no processor
///   uses, `payload` has `absent_bits` bits of one that is not present. `absent(0)` is 0.
/// - `is_present`, `is_leaf`, `well_formed` (no reserved bit or combination; what is not present is),
///   `frame_of`, `permissions_of`, `software_of`, `payload_of`, `is_writable`, `is_accessed`, `is_dirty`:
///   what an entry says. Where a format has no dirty flag, what is writable counts as dirty.
/// - `with_...`: the entry, but for this; all other bits stay. `with_write(e, false)` also keeps hardware
///   from making the entry writable again.
/// - `child_of(leaf, level, index)`: the entry of a table of level - 1 that maps the index'th part of what
///   the leaf maps, in the same way, accessed and dirty included.
/// - `is_contiguous(e)`: hardware may have read it together with its neighbours (AArch64's Contiguous bit,
///   RISC-V's N): it may not be changed alone.
/// - `needs_break(old, new, level, same_bytes)`: the architecture wants an entry that is not present in
///   between, and the old one out of all TLBs before the new one is written. `same_bytes`: the bytes of both
///   frames are equal, and nobody writes to either.
/// - `valid_address(address)`: the table translates it (canonical; not beyond the width).
///
/// All are pure functions, for any context. What a level may not be, a level out of range, or a frame that
/// does not fit, gives an entry that is not `well_formed`, or one of the frame cut off: who asks checks first
/// (`page_mapper` does).
template <class F>
concept page_table_format = requires(typename F::entry e, typename F::permissions allowed, unsigned level,
                                     std::uint64_t number) {
    requires std::same_as<typename F::entry, std::uint64_t>;
    { F::page_shift } -> std::convertible_to<unsigned>;
    { F::index_bits } -> std::convertible_to<unsigned>;
    { F::root_index_bits } -> std::convertible_to<unsigned>;
    { F::levels } -> std::convertible_to<unsigned>;
    { F::physical_bits } -> std::convertible_to<unsigned>;
    { F::software_bits } -> std::convertible_to<unsigned>;
    { F::absent_bits } -> std::convertible_to<unsigned>;
    { allowed.read } -> std::convertible_to<bool>;
    { allowed.write } -> std::convertible_to<bool>;
    { allowed.execute } -> std::convertible_to<bool>;
    { F::valid_address(number) } -> std::same_as<bool>;
    { F::may_be_leaf(level) } -> std::same_as<bool>;
    { F::expressible(allowed) } -> std::same_as<bool>;
    { F::leaf(number, allowed, level, number) } -> std::same_as<typename F::entry>;
    { F::table(number) } -> std::same_as<typename F::entry>;
    { F::absent(number) } -> std::same_as<typename F::entry>;
    { F::is_present(e) } -> std::same_as<bool>;
    { F::is_leaf(e, level) } -> std::same_as<bool>;
    { F::well_formed(e, level) } -> std::same_as<bool>;
    { F::frame_of(e, level) } -> std::same_as<std::uint64_t>;
    { F::permissions_of(e, level) } -> std::same_as<typename F::permissions>;
    { F::software_of(e) } -> std::same_as<std::uint64_t>;
    { F::payload_of(e) } -> std::same_as<std::uint64_t>;
    { F::with_frame(e, number, level) } -> std::same_as<typename F::entry>;
    { F::with_permissions(e, allowed, level) } -> std::same_as<typename F::entry>;
    { F::with_software(e, number) } -> std::same_as<typename F::entry>;
    { F::is_writable(e) } -> std::same_as<bool>;
    { F::with_write(e, true) } -> std::same_as<typename F::entry>;
    { F::is_accessed(e) } -> std::same_as<bool>;
    { F::is_dirty(e) } -> std::same_as<bool>;
    { F::with_accessed(e, true) } -> std::same_as<typename F::entry>;
    { F::with_dirty(e, true) } -> std::same_as<typename F::entry>;
    { F::child_of(e, level, number) } -> std::same_as<typename F::entry>;
    { F::is_contiguous(e) } -> std::same_as<bool>;
    { F::needs_break(e, e, level, true) } -> std::same_as<bool>;
};

/// What follows from a format's figures. Any context; levels below `Format::levels`.
template <page_table_format Format>
struct page_geometry {
    /// log2 of the bytes that an entry of the level translates; 64 for `levels` where all are.
    [[nodiscard]] static constexpr unsigned shift_of(unsigned level) noexcept {
        return Format::page_shift + level * Format::index_bits;
    }
    /// log2 of the pages that an entry of the level translates.
    [[nodiscard]] static constexpr unsigned order_of(unsigned level) noexcept {
        return level * Format::index_bits;
    }
    /// Bits of the addresses that a table translates.
    static constexpr unsigned address_bits =
        Format::page_shift + (Format::levels - 1) * Format::index_bits + Format::root_index_bits;
    /// log2 of the frames that a root takes.
    static constexpr unsigned root_order =
        Format::root_index_bits > Format::index_bits ? Format::root_index_bits - Format::index_bits : 0;

    [[nodiscard]] static constexpr unsigned index_bits_of(unsigned level) noexcept {
        return level + 1 == Format::levels ? Format::root_index_bits : Format::index_bits;
    }
    [[nodiscard]] static constexpr std::uint64_t entries_of(unsigned level) noexcept {
        return std::uint64_t{1} << index_bits_of(level);
    }
    /// Which entry of a table of the level an address is translated by.
    [[nodiscard]] static constexpr std::uint64_t index_of(std::uint64_t address, unsigned level) noexcept {
        return (address >> shift_of(level)) & (entries_of(level) - 1);
    }
    /// The address is the first that an entry of the level translates.
    [[nodiscard]] static constexpr bool aligned_to(std::uint64_t address, unsigned level) noexcept {
        return (address & ((std::uint64_t{1} << shift_of(level)) - 1)) == 0;
    }
    /// A block of the level can lie at the frame.
    [[nodiscard]] static constexpr bool frame_fits(std::uint64_t number, unsigned level) noexcept {
        return (number & ((std::uint64_t{1} << order_of(level)) - 1)) == 0 &&
               number >> (Format::physical_bits - Format::page_shift) == 0;
    }
};

namespace detail {

/// Bits `first` to `last` of a word, both inclusive.
[[nodiscard]] constexpr std::uint64_t bits_between(unsigned first, unsigned last) noexcept {
    return (~std::uint64_t{0} >> (63 - last)) & ~((std::uint64_t{1} << first) - 1);
}
[[nodiscard]] constexpr std::uint64_t bit_if(bool set, unsigned position) noexcept {
    return (set ? std::uint64_t{1} : std::uint64_t{0}) << position;
}
/// `word` with the bits of `mask` as in `value`.
[[nodiscard]] constexpr std::uint64_t with_bits(std::uint64_t word, std::uint64_t mask,
                                                std::uint64_t value) noexcept {
    return (word & ~mask) | (value & mask);
}
/// The upper bits repeat bit `bits - 1` (`extended`), or are zero.
[[nodiscard]] constexpr bool fits_width(std::uint64_t address, unsigned bits, bool extended) noexcept {
    if (bits >= 64) return true;
    if (!extended) return address >> bits == 0;
    const std::uint64_t upper = address >> (bits - 1);
    return upper == 0 || upper == ~std::uint64_t{0} >> (bits - 1);
}

}  // namespace detail
}  // namespace ashlar
