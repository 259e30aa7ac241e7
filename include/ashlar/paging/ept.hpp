// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// What a processor's extended page tables can do (IA32_VMX_EPT_VPID_CAP) and how they are set up.
struct ept_shape {
    unsigned levels = 4;           ///< page-walk length in EPTP, 4 or 5
    unsigned physical_bits = 52;   ///< MAXPHYADDR: frame bits beyond are reserved
    bool gigabyte_pages = true;    ///< capability bit 17
    bool execute_only = false;     ///< capability bit 0
    bool accessed_dirty = true;    ///< capability bit 21, and bit 6 of EPTP is set
    bool break_to_resize = false;  ///< a processor with the machine check on page size change
};

/// Entries of Intel's extended page tables: guest-physical to machine addresses.
///
/// | bits | meaning |
/// |---|---|
/// | 0, 1, 2 | readable, writable, executable; none of them: not present |
/// | 3-5, 6 | memory type of a leaf, and that the guest's PAT does not count; reserved in tables |
/// | 7 | block instead of a table, levels 1 and 2; reserved above |
/// | 8, 9 | accessed, dirty (of a leaf), if EPTP says so |
/// | 10 | ignored: no mode-based execute control |
/// | 11, 52-56 | free for software: bit 0 and bits 1-5 of `software` |
/// | 12-51 | frame; those beyond MAXPHYADDR, and below the block's size, are reserved |
/// | 57-63 | guest-paging verification, shadow stacks, sub-pages, exceptions: kept, not looked at |
///
/// - Misconfigured, so not `well_formed`: writable but not readable, executable alone where the processor
///   cannot, memory types 2, 3 and 7, anything reserved. Not expressible, likewise.
/// - `payload`: bits 11 to 62 of an entry that is not present. Bit 63 stays clear: it decides whether the
///   violation is an exception in the guest. Bit 10 is an execute permission under mode-based control.
/// - Without accessed and dirty flags a leaf that is writable counts as dirty, and each as accessed.
/// - An entry may be replaced by any other, then INVEPT; with `break_to_resize` as in `basic_x86_64`.
///
/// Source: Intel SDM volume 3C, 29.3 "The extended page-table mechanism (EPT)", tables 29-1 to 29-7, and
/// 29.3.3.1 "EPT misconfigurations"; Linux arch/x86/include/asm/vmx.h.
///
/// Example:
/// ```
/// static_assert(ashlar::ept::leaf(0x200, {.write = true, .execute = true}, 1) == 0x20'00b7);
/// static_assert(!ashlar::ept::well_formed(0x2, 0));           // write without read
/// ```
template <ept_shape Shape>
struct basic_ept {
    static_assert(Shape.levels == 4 || Shape.levels == 5, "ept_shape: levels must be 4 or 5");
    static_assert(Shape.physical_bits >= 32 && Shape.physical_bits <= 52,
                  "ept_shape: physical_bits must lie in 32..52");

    using entry = std::uint64_t;
    /// What a leaf allows, and of which kind its memory is.
    struct permissions {
        bool read = true;
        bool write = false;
        bool execute = false;
        bool ignore_pat = false;
        std::uint8_t memory = 6;  ///< 0 uncacheable, 1 write-combining, 4 write-through, 5 protected, 6 back
        [[nodiscard]] friend constexpr bool operator==(const permissions&,
                                                       const permissions&) noexcept = default;
    };

    static constexpr unsigned page_shift = 12;
    static constexpr unsigned index_bits = 9;
    static constexpr unsigned root_index_bits = 9;
    static constexpr unsigned levels = Shape.levels;
    static constexpr unsigned physical_bits = Shape.physical_bits;
    static constexpr unsigned software_bits = 6;
    static constexpr unsigned absent_bits = 52;

    [[nodiscard]] static constexpr bool valid_address(std::uint64_t address) noexcept {
        return detail::fits_width(address, page_shift + levels * index_bits, false);
    }
    [[nodiscard]] static constexpr bool may_be_leaf(unsigned level) noexcept {
        return level <= 1 || (level == 2 && Shape.gigabyte_pages);
    }
    [[nodiscard]] static constexpr bool expressible(permissions allowed) noexcept {
        if (!has_type(allowed.memory)) return false;
        return allowed.read || (Shape.execute_only && allowed.execute && !allowed.write);
    }

    [[nodiscard]] static constexpr entry leaf(std::uint64_t frame, permissions allowed, unsigned level,
                                              std::uint64_t software = 0) noexcept {
        const entry bare = (level == 0 ? 0 : block) | (frame << page_shift & frame_mask(level));
        return with_software(with_permissions(bare, allowed, level), software);
    }
    /// Allows everything: what is below decides.
    [[nodiscard]] static constexpr entry table(std::uint64_t frame) noexcept {
        return rights | (frame << page_shift & frame_mask(0));
    }
    [[nodiscard]] static constexpr entry absent(std::uint64_t payload = 0) noexcept {
        return payload << 11 & payload_mask;
    }

    [[nodiscard]] static constexpr bool is_present(entry e) noexcept { return (e & rights) != 0; }
    [[nodiscard]] static constexpr bool is_leaf(entry e, unsigned level) noexcept {
        return is_present(e) && (level == 0 || (e & block) != 0);
    }
    [[nodiscard]] static constexpr bool well_formed(entry e, unsigned level) noexcept {
        if (!is_present(e)) return true;
        if ((e & frame_mask(0) & ~detail::bits_between(0, physical_bits - 1)) != 0) return false;
        if ((e & readable) == 0 && ((e & writable) != 0 || !Shape.execute_only)) return false;
        if (!is_leaf(e, level)) return (e & (type_mask | ignore_pat)) == 0;
        if (!may_be_leaf(level) || !has_type(static_cast<std::uint8_t>(e >> 3 & 7))) return false;
        return (e & frame_mask(0) & ~frame_mask(level)) == 0;
    }
    [[nodiscard]] static constexpr std::uint64_t frame_of(entry e, unsigned level) noexcept {
        return (e & frame_mask(is_leaf(e, level) ? level : 0)) >> page_shift;
    }
    [[nodiscard]] static constexpr permissions permissions_of(entry e, unsigned) noexcept {
        return {.read = (e & readable) != 0,
                .write = (e & writable) != 0,
                .execute = (e & executable) != 0,
                .ignore_pat = (e & ignore_pat) != 0,
                .memory = static_cast<std::uint8_t>(e >> 3 & 7)};
    }
    [[nodiscard]] static constexpr std::uint64_t software_of(entry e) noexcept {
        return (e >> 11 & 1) | (e >> 52 & 0x1f) << 1;
    }
    [[nodiscard]] static constexpr std::uint64_t payload_of(entry e) noexcept {
        return (e & payload_mask) >> 11;
    }

    [[nodiscard]] static constexpr entry with_frame(entry e, std::uint64_t frame, unsigned level) noexcept {
        return detail::with_bits(e, frame_mask(level), frame << page_shift);
    }
    [[nodiscard]] static constexpr entry with_permissions(entry e, permissions allowed, unsigned) noexcept {
        return detail::with_bits(e, rights | type_mask | ignore_pat,
                                 detail::bit_if(allowed.read, 0) | detail::bit_if(allowed.write, 1) |
                                     detail::bit_if(allowed.execute, 2) | (entry{allowed.memory} & 7) << 3 |
                                     detail::bit_if(allowed.ignore_pat, 6));
    }
    [[nodiscard]] static constexpr entry with_software(entry e, std::uint64_t software) noexcept {
        return detail::with_bits(e, detail::bits_between(11, 11) | detail::bits_between(52, 56),
                                 (software & 1) << 11 | software >> 1 << 52);
    }
    [[nodiscard]] static constexpr bool is_writable(entry e) noexcept { return (e & writable) != 0; }
    [[nodiscard]] static constexpr entry with_write(entry e, bool on) noexcept {
        return detail::with_bits(e, writable, detail::bit_if(on, 1));
    }
    [[nodiscard]] static constexpr bool is_accessed(entry e) noexcept {
        return !Shape.accessed_dirty || (e & accessed) != 0;
    }
    [[nodiscard]] static constexpr bool is_dirty(entry e) noexcept {
        return (e & (Shape.accessed_dirty ? dirty : writable)) != 0;
    }
    [[nodiscard]] static constexpr entry with_accessed(entry e, bool on) noexcept {
        return Shape.accessed_dirty ? detail::with_bits(e, accessed, detail::bit_if(on, 8)) : e;
    }
    [[nodiscard]] static constexpr entry with_dirty(entry e, bool on) noexcept {
        return Shape.accessed_dirty ? detail::with_bits(e, dirty, detail::bit_if(on, 9)) : e;
    }
    [[nodiscard]] static constexpr entry child_of(entry e, unsigned level, std::uint64_t index) noexcept {
        const std::uint64_t frame = frame_of(e, level) + (index << (level - 1) * index_bits);
        const entry rest = e & ~(frame_mask(0) | block);
        return with_frame(level == 1 ? rest : rest | block, frame, level - 1);
    }
    [[nodiscard]] static constexpr bool is_contiguous(entry) noexcept { return false; }
    [[nodiscard]] static constexpr bool needs_break(entry old, entry next, unsigned level, bool) noexcept {
        if (!Shape.break_to_resize || !is_present(old) || !is_present(next)) return false;
        return is_leaf(old, level) != is_leaf(next, level) && (old & executable) != 0;
    }

 private:
    static constexpr entry readable = 1 << 0;
    static constexpr entry writable = 1 << 1;
    static constexpr entry executable = 1 << 2;
    static constexpr entry rights = 7;
    static constexpr entry type_mask = 7 << 3;
    static constexpr entry ignore_pat = 1 << 6;
    static constexpr entry block = 1 << 7;
    static constexpr entry accessed = 1 << 8;
    static constexpr entry dirty = 1 << 9;
    static constexpr entry payload_mask = detail::bits_between(11, 62);

    [[nodiscard]] static constexpr bool has_type(std::uint8_t type) noexcept {
        return type <= 1 || (type >= 4 && type <= 6);
    }
    [[nodiscard]] static constexpr entry frame_mask(unsigned level) noexcept {
        return detail::bits_between(page_shift + level * index_bits, 51);
    }
};

/// Four levels, with accessed and dirty flags.
using ept = basic_ept<ept_shape{}>;

}  // namespace ashlar
