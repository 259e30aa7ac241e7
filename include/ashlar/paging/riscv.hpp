// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// Which scheme of `satp` or `hgatp`, and which extensions.
struct riscv_shape {
    unsigned levels = 3;          ///< 3, 4, 5: Sv39, Sv48, Sv57
    unsigned physical_bits = 56;  ///< at most 56
    bool guest_stage = false;     ///< Sv39x4, Sv48x4, Sv57x4: two more address bits, a root of 16 KiB
    bool page_memory = false;     ///< Svpbmt: bits 61-62 are a memory type, else reserved
};

/// Page-table entries of RV64: Sv39, Sv48, Sv57, and the hypervisor extension's G-stage.
///
/// | bits | meaning |
/// |---|---|
/// | 0 | valid |
/// | 1, 2, 3 | readable, writable, executable; none of them: a table |
/// | 4 | user; set in every leaf of the G-stage |
/// | 5 | global; clear in the G-stage |
/// | 6, 7 | accessed, dirty: set by hardware (Svadu), or an access faults without them (Svade) |
/// | 8-9 | RSW, free for software |
/// | 10-53 | frame; those below a block's size are zero, or it is misaligned |
/// | 54-60 | reserved |
/// | 61-62 | Svpbmt: 0 as the physical attributes say, 1 non-cacheable, 2 I/O |
/// | 63 | N (Svnapot): reserved here |
///
/// - Every level may have leaves. Not expressible: what can be neither read nor executed, and what can be
///   written but not read (reserved).
/// - Tables have A, D and U clear. `payload`: all bits but 0 of what is not valid.
/// - No break is needed: an entry may be replaced by any other, then SFENCE.VMA or HFENCE.GVMA. Also one that
///   was not valid may be cached: SFENCE.VMA after a `map`, unless Svvptc is there.
///
/// Source: RISC-V privileged architecture, "Sv39", "Sv48", "Sv57", "Svpbmt", "Svnapot", and hypervisor
/// extension, "Guest-page address translation"; Linux arch/riscv/include/asm/pgtable-64.h.
///
/// Example:
/// ```
/// static_assert(ashlar::sv39::leaf(0x80200, {.write = true}, 0) == 0x2008'0007);
/// static_assert(ashlar::page_geometry<ashlar::sv39x4>::root_order == 2);
/// ```
template <riscv_shape Shape>
struct basic_riscv {
    static_assert(Shape.levels >= 3 && Shape.levels <= 5, "riscv_shape: levels must be 3, 4 or 5");
    static_assert(Shape.physical_bits >= 32 && Shape.physical_bits <= 56,
                  "riscv_shape: physical_bits must lie in 32..56");

    using entry = std::uint64_t;
    /// What a leaf allows, and of which kind its memory is.
    struct permissions {
        bool read = true;
        bool write = false;
        bool execute = false;
        bool user = false;
        bool global = false;
        std::uint8_t memory = 0;  ///< Svpbmt's: 0 as the physical attributes say, 1 non-cacheable, 2 I/O
        [[nodiscard]] friend constexpr bool operator==(const permissions&,
                                                       const permissions&) noexcept = default;
    };

    static constexpr unsigned page_shift = 12;
    static constexpr unsigned index_bits = 9;
    static constexpr unsigned root_index_bits = Shape.guest_stage ? 11 : 9;
    static constexpr unsigned levels = Shape.levels;
    static constexpr unsigned physical_bits = Shape.physical_bits;
    static constexpr unsigned software_bits = 2;
    static constexpr unsigned absent_bits = 63;

    [[nodiscard]] static constexpr bool valid_address(std::uint64_t address) noexcept {
        const unsigned bits = page_shift + (levels - 1) * index_bits + root_index_bits;
        return detail::fits_width(address, bits, !Shape.guest_stage);
    }
    [[nodiscard]] static constexpr bool may_be_leaf(unsigned level) noexcept { return level < levels; }
    [[nodiscard]] static constexpr bool expressible(permissions allowed) noexcept {
        if (!allowed.read && (allowed.write || !allowed.execute)) return false;
        return allowed.memory <= (Shape.page_memory ? 2 : 0);
    }

    [[nodiscard]] static constexpr entry leaf(std::uint64_t frame, permissions allowed, unsigned level,
                                              std::uint64_t software = 0) noexcept {
        const entry bare = valid | (frame << 10 & frame_mask(level));
        return with_software(with_permissions(bare, allowed, level), software);
    }
    [[nodiscard]] static constexpr entry table(std::uint64_t frame) noexcept {
        return valid | (frame << 10 & frame_mask(0));
    }
    [[nodiscard]] static constexpr entry absent(std::uint64_t payload = 0) noexcept { return payload << 1; }

    [[nodiscard]] static constexpr bool is_present(entry e) noexcept { return (e & valid) != 0; }
    [[nodiscard]] static constexpr bool is_leaf(entry e, unsigned) noexcept {
        return is_present(e) && (e & rights) != 0;
    }
    [[nodiscard]] static constexpr bool well_formed(entry e, unsigned level) noexcept {
        if (!is_present(e)) return true;
        const entry reserved = detail::bits_between(physical_bits - 2, 60) | napot;
        if ((e & reserved) != 0) return false;
        if (!is_leaf(e, level)) return level != 0 && (e & (user | accessed | dirty | memory_mask)) == 0;
        if ((e & (readable | writable)) == writable) return false;
        if ((e & memory_mask) > (Shape.page_memory ? std::uint64_t{2} << 61 : 0)) return false;
        return (e & frame_mask(0) & ~frame_mask(level)) == 0 && (!Shape.guest_stage || (e & global) == 0);
    }
    [[nodiscard]] static constexpr std::uint64_t frame_of(entry e, unsigned level) noexcept {
        return (e & frame_mask(is_leaf(e, level) ? level : 0)) >> 10;
    }
    [[nodiscard]] static constexpr permissions permissions_of(entry e, unsigned) noexcept {
        return {.read = (e & readable) != 0,
                .write = (e & writable) != 0,
                .execute = (e & executable) != 0,
                .user = (e & user) != 0,
                .global = (e & global) != 0,
                .memory = static_cast<std::uint8_t>(e >> 61 & 3)};
    }
    [[nodiscard]] static constexpr std::uint64_t software_of(entry e) noexcept { return e >> 8 & 3; }
    [[nodiscard]] static constexpr std::uint64_t payload_of(entry e) noexcept { return e >> 1; }

    [[nodiscard]] static constexpr entry with_frame(entry e, std::uint64_t frame, unsigned level) noexcept {
        return detail::with_bits(e, frame_mask(level), frame << 10);
    }
    [[nodiscard]] static constexpr entry with_permissions(entry e, permissions allowed, unsigned) noexcept {
        return detail::with_bits(
            e, rights | user | global | memory_mask,
            detail::bit_if(allowed.read, 1) | detail::bit_if(allowed.write, 2) |
                detail::bit_if(allowed.execute, 3) | detail::bit_if(allowed.user || Shape.guest_stage, 4) |
                detail::bit_if(allowed.global && !Shape.guest_stage, 5) | (entry{allowed.memory} & 3) << 61);
    }
    [[nodiscard]] static constexpr entry with_software(entry e, std::uint64_t software) noexcept {
        return detail::with_bits(e, std::uint64_t{3} << 8, software << 8);
    }
    [[nodiscard]] static constexpr bool is_writable(entry e) noexcept { return (e & writable) != 0; }
    [[nodiscard]] static constexpr entry with_write(entry e, bool on) noexcept {
        return detail::with_bits(e, writable, detail::bit_if(on, 2));
    }
    [[nodiscard]] static constexpr bool is_accessed(entry e) noexcept { return (e & accessed) != 0; }
    [[nodiscard]] static constexpr bool is_dirty(entry e) noexcept { return (e & dirty) != 0; }
    [[nodiscard]] static constexpr entry with_accessed(entry e, bool on) noexcept {
        return detail::with_bits(e, accessed, detail::bit_if(on, 6));
    }
    [[nodiscard]] static constexpr entry with_dirty(entry e, bool on) noexcept {
        return detail::with_bits(e, dirty, detail::bit_if(on, 7));
    }
    [[nodiscard]] static constexpr entry child_of(entry e, unsigned level, std::uint64_t index) noexcept {
        const std::uint64_t frame = frame_of(e, level) + (index << (level - 1) * index_bits);
        return with_frame(e & ~frame_mask(0), frame, level - 1);
    }
    [[nodiscard]] static constexpr bool is_contiguous(entry e) noexcept { return (e & napot) != 0; }
    [[nodiscard]] static constexpr bool needs_break(entry, entry, unsigned, bool) noexcept { return false; }

 private:
    static constexpr entry valid = 1 << 0;
    static constexpr entry readable = 1 << 1;
    static constexpr entry writable = 1 << 2;
    static constexpr entry executable = 1 << 3;
    static constexpr entry rights = 7 << 1;
    static constexpr entry user = 1 << 4;
    static constexpr entry global = 1 << 5;
    static constexpr entry accessed = 1 << 6;
    static constexpr entry dirty = 1 << 7;
    static constexpr entry memory_mask = std::uint64_t{3} << 61;
    static constexpr entry napot = std::uint64_t{1} << 63;

    [[nodiscard]] static constexpr entry frame_mask(unsigned level) noexcept {
        return detail::bits_between(10 + level * index_bits, 53);
    }
};

/// Three levels, 39 bits of address.
using sv39 = basic_riscv<riscv_shape{}>;
/// Four levels.
using sv48 = basic_riscv<riscv_shape{.levels = 4}>;
/// Five levels.
using sv57 = basic_riscv<riscv_shape{.levels = 5}>;
/// The G-stage of three levels, 41 bits of guest-physical address.
using sv39x4 = basic_riscv<riscv_shape{.guest_stage = true}>;
/// The G-stage of four levels.
using sv48x4 = basic_riscv<riscv_shape{.levels = 4, .guest_stage = true}>;
/// The G-stage of five levels.
using sv57x4 = basic_riscv<riscv_shape{.levels = 5, .guest_stage = true}>;

}  // namespace ashlar
