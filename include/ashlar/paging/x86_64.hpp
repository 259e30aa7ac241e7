// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// How a processor of this architecture is set up.
struct x86_64_shape {
    unsigned levels = 4;           ///< 4, or 5 with CR4.LA57
    unsigned physical_bits = 52;   ///< MAXPHYADDR (CPUID 80000008h): frame bits beyond are reserved
    bool gigabyte_pages = true;    ///< CPUID 80000001h, EDX bit 26
    bool nested = false;           ///< a nested table of AMD: every access is a user's
    bool break_to_resize = false;  ///< a processor with the machine check on page size change
};

/// Page-table entries of x86-64 (4 KiB, 2 MiB, 1 GiB), and of AMD's nested paging.
///
/// | bits | meaning |
/// |---|---|
/// | 0, 1, 2 | present; writable; user |
/// | 3, 4 and PAT | index into the PAT: PWT, PCD, and bit 7 of a page, bit 12 of a block |
/// | 5, 6 | accessed, dirty: set by the processor with locked operations, dirty in leaves alone |
/// | 7 | block instead of a table (PS), levels 1 and 2; reserved above |
/// | 8 | global |
/// | 9-11, 52-58 | free for software: bits 0-2 and 3-9 of `software` |
/// | 12-51 | frame; those beyond MAXPHYADDR, and below the block's size, are reserved |
/// | 59-62 | protection key, where CR4.PKE or PKS is set: kept, and not looked at |
/// | 63 | no execution (EFER.NXE is set) |
///
/// Of an entry that is not present every bit but 0 is free: `payload`. Processors with the L1TF defect
/// speculate on its frame bits: there, payloads name no frame of cacheable memory.
///
/// - Not expressible: what cannot be read. What is `user` in a nested table is so whatever is asked, and a
///   guest's `global` means nothing there.
/// - An entry may be replaced by any other, then invalidated: no break. With `break_to_resize` what may be
///   executed changes its size by one: instruction TLBs of some processors hold both sizes and raise a
///   machine check (CVE-2018-12207).
///
/// Source: Intel SDM volume 3A, 4.5 "4-level paging and 5-level paging", tables 4-15 to 4-20, and 4.8; AMD
/// APM volume 2, 5.3 and 15.25.5 "Nested page table walk"; Linux arch/x86/include/asm/pgtable_types.h.
///
/// Example:
/// ```
/// using ashlar::x86_64;
/// constexpr auto entry = x86_64::leaf(0x12345, {.write = true}, 0);
/// static_assert(entry == 0x8000'0000'1234'5003);
/// static_assert(x86_64::child_of(x86_64::leaf(0x200, {.execute = true}, 1), 1, 3) == 0x20'3001);
/// ```
template <x86_64_shape Shape>
struct basic_x86_64 {
    static_assert(Shape.levels == 4 || Shape.levels == 5, "x86_64_shape: levels must be 4 or 5");
    static_assert(Shape.physical_bits >= 32 && Shape.physical_bits <= 52,
                  "x86_64_shape: physical_bits must lie in 32..52");

    using entry = std::uint64_t;
    /// What a leaf allows, and of which kind its memory is.
    struct permissions {
        bool read = true;
        bool write = false;
        bool execute = false;
        bool user = false;
        bool global = false;
        std::uint8_t memory = 0;  ///< index into the PAT, 0 to 7; after reset 0 is write-back, 3 uncacheable
        [[nodiscard]] friend constexpr bool operator==(const permissions&,
                                                       const permissions&) noexcept = default;
    };

    static constexpr unsigned page_shift = 12;
    static constexpr unsigned index_bits = 9;
    static constexpr unsigned root_index_bits = 9;
    static constexpr unsigned levels = Shape.levels;
    static constexpr unsigned physical_bits = Shape.physical_bits;
    static constexpr unsigned software_bits = 10;
    static constexpr unsigned absent_bits = 63;

    [[nodiscard]] static constexpr bool valid_address(std::uint64_t address) noexcept {
        return detail::fits_width(address, page_shift + levels * index_bits, !Shape.nested);
    }
    [[nodiscard]] static constexpr bool may_be_leaf(unsigned level) noexcept {
        return level <= 1 || (level == 2 && Shape.gigabyte_pages);
    }
    [[nodiscard]] static constexpr bool expressible(permissions allowed) noexcept {
        return allowed.read && allowed.memory < 8;
    }

    [[nodiscard]] static constexpr entry leaf(std::uint64_t frame, permissions allowed, unsigned level,
                                              std::uint64_t software = 0) noexcept {
        const entry bare = present | (level == 0 ? 0 : block) | (frame << page_shift & frame_mask(level));
        return with_software(with_permissions(bare, allowed, level), software);
    }
    /// Allows everything: what is below decides.
    [[nodiscard]] static constexpr entry table(std::uint64_t frame) noexcept {
        return present | writable | user | (frame << page_shift & frame_mask(0));
    }
    [[nodiscard]] static constexpr entry absent(std::uint64_t payload = 0) noexcept { return payload << 1; }

    [[nodiscard]] static constexpr bool is_present(entry e) noexcept { return (e & present) != 0; }
    [[nodiscard]] static constexpr bool is_leaf(entry e, unsigned level) noexcept {
        return is_present(e) && (level == 0 || (e & block) != 0);
    }
    [[nodiscard]] static constexpr bool well_formed(entry e, unsigned level) noexcept {
        if (!is_present(e)) return true;
        if ((e & frame_mask(0) & ~detail::bits_between(0, physical_bits - 1)) != 0) return false;
        if (level == 0 || (e & block) == 0) return true;
        return may_be_leaf(level) && (e & frame_mask(0) & ~frame_mask(level) & ~huge_pat) == 0;
    }
    [[nodiscard]] static constexpr std::uint64_t frame_of(entry e, unsigned level) noexcept {
        return (e & frame_mask(is_leaf(e, level) ? level : 0)) >> page_shift;
    }
    [[nodiscard]] static constexpr permissions permissions_of(entry e, unsigned level) noexcept {
        const bool pat = (e & pat_bit(level)) != 0;
        return {.read = is_present(e),
                .write = (e & writable) != 0,
                .execute = (e & no_execute) == 0,
                .user = (e & user) != 0,
                .global = (e & global) != 0,
                .memory = static_cast<std::uint8_t>((e >> 3 & 3) | detail::bit_if(pat, 2))};
    }
    [[nodiscard]] static constexpr std::uint64_t software_of(entry e) noexcept {
        return (e >> 9 & 7) | (e >> 52 & 0x7f) << 3;
    }
    [[nodiscard]] static constexpr std::uint64_t payload_of(entry e) noexcept { return e >> 1; }

    [[nodiscard]] static constexpr entry with_frame(entry e, std::uint64_t frame, unsigned level) noexcept {
        return detail::with_bits(e, frame_mask(level), frame << page_shift);
    }
    [[nodiscard]] static constexpr entry with_permissions(entry e, permissions allowed,
                                                          unsigned level) noexcept {
        const entry mask = writable | user | cache_bits | pat_bit(level) | global | no_execute;
        return detail::with_bits(
            e, mask,
            detail::bit_if(allowed.write, 1) | detail::bit_if(allowed.user || Shape.nested, 2) |
                (entry{allowed.memory} & 3) << 3 | ((allowed.memory & 4) != 0 ? pat_bit(level) : 0) |
                detail::bit_if(allowed.global, 8) | detail::bit_if(!allowed.execute, 63));
    }
    [[nodiscard]] static constexpr entry with_software(entry e, std::uint64_t software) noexcept {
        return detail::with_bits(e, detail::bits_between(9, 11) | detail::bits_between(52, 58),
                                 (software & 7) << 9 | software >> 3 << 52);
    }
    [[nodiscard]] static constexpr bool is_writable(entry e) noexcept { return (e & writable) != 0; }
    [[nodiscard]] static constexpr entry with_write(entry e, bool on) noexcept {
        return detail::with_bits(e, writable, detail::bit_if(on, 1));
    }
    [[nodiscard]] static constexpr bool is_accessed(entry e) noexcept { return (e & accessed) != 0; }
    [[nodiscard]] static constexpr bool is_dirty(entry e) noexcept { return (e & dirty) != 0; }
    [[nodiscard]] static constexpr entry with_accessed(entry e, bool on) noexcept {
        return detail::with_bits(e, accessed, detail::bit_if(on, 5));
    }
    [[nodiscard]] static constexpr entry with_dirty(entry e, bool on) noexcept {
        return detail::with_bits(e, dirty, detail::bit_if(on, 6));
    }
    [[nodiscard]] static constexpr entry child_of(entry e, unsigned level, std::uint64_t index) noexcept {
        const std::uint64_t frame = frame_of(e, level) + (index << (level - 1) * index_bits);
        const permissions allowed = permissions_of(e, level);
        const entry rest = e & ~(frame_mask(0) | block);
        const entry bare = level == 1 ? rest : rest | block;
        return with_permissions(with_frame(bare, frame, level - 1), allowed, level - 1);
    }
    [[nodiscard]] static constexpr bool is_contiguous(entry) noexcept { return false; }
    [[nodiscard]] static constexpr bool needs_break(entry old, entry next, unsigned level, bool) noexcept {
        if (!Shape.break_to_resize || !is_present(old) || !is_present(next)) return false;
        return is_leaf(old, level) != is_leaf(next, level) && (old & no_execute) == 0;
    }

 private:
    static constexpr entry present = 1 << 0;
    static constexpr entry writable = 1 << 1;
    static constexpr entry user = 1 << 2;
    static constexpr entry cache_bits = 3 << 3;
    static constexpr entry accessed = 1 << 5;
    static constexpr entry dirty = 1 << 6;
    static constexpr entry block = 1 << 7;
    static constexpr entry global = 1 << 8;
    static constexpr entry huge_pat = 1 << 12;
    static constexpr entry no_execute = std::uint64_t{1} << 63;

    /// Bit 7 is the PAT bit of a page, and says what a block is.
    [[nodiscard]] static constexpr entry pat_bit(unsigned level) noexcept {
        return level == 0 ? block : huge_pat;
    }
    [[nodiscard]] static constexpr entry frame_mask(unsigned level) noexcept {
        return detail::bits_between(page_shift + level * index_bits, 51);
    }
};

/// Four levels, 48 bits of address.
using x86_64 = basic_x86_64<x86_64_shape{}>;
/// Five levels, 57 bits (CR4.LA57).
using x86_64_la57 = basic_x86_64<x86_64_shape{.levels = 5}>;
/// Nested page tables of AMD's SVM: guest-physical addresses, entries as the host's, U always set.
using x86_64_nested = basic_x86_64<x86_64_shape{.nested = true}>;

}  // namespace ashlar
