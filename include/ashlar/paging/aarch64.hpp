// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/aarch64_table.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// Descriptors of AArch64 stage 1 (VMSAv8-64, the EL1&0 regime): pages of 4, 16 or 64 KiB, and blocks.
///
/// | bits | meaning |
/// |---|---|
/// | 0, 1 | valid; a table or a page, not a block |
/// | 2-4 | AttrIndx: which byte of MAIR_EL1 |
/// | 6, 7 | AP[1]: EL0 may; AP[2]: nobody may write |
/// | 8-9 | shareability: 0 none, 2 outer, 3 inner |
/// | 10 | access flag; without hardware update (TCR_EL1.HA) an access to a leaf without it faults |
/// | 11 | nG: not global |
/// | 12-47 | frame |
/// | 51 | DBM: with `hardware_dirty` a leaf with it is writable; a write clears AP[2], which so means clean |
/// | 52 | Contiguous |
/// | 53, 54 | PXN, UXN |
/// | 55-58 | free for software |
/// | 5, 16, 50, 59-63 | NS, nT, GP, PBHA and extensions: kept, and not looked at |
///
/// - `execute` is for EL0 in a leaf that is `user`, else for EL1; the other one may not.
/// - Not expressible: what cannot be read. `payload`: all bits but 0 of what is not valid.
/// - Without `hardware_dirty` what is writable counts as dirty: software has to find out by write protection.
/// - Needs a break: another frame (unless nobody writes to either, and the bytes are equal), a block against
///   a table, other AttrIndx, shareability, nG or Contiguous. Permissions, flags and software bits do not.
/// - An entry that is contiguous is not changed alone; `with_contiguous` is for who writes all of them.
///
/// Source: Arm ARM (DDI 0487) D8.3 "Translation table descriptor formats", D8.4.1, D8.4.6, D8.5.2 (hardware
/// dirty state), D8.16.1 "Using break-before-make"; Linux arch/arm64/include/asm/pgtable-hwdef.h.
///
/// Example:
/// ```
/// using stage1 = ashlar::aarch64;                             // 4 KiB, 48 bits
/// constexpr auto block = stage1::leaf(0x40200, {.write = true, .global = true}, 1);
/// static_assert(block == 0x0060'0000'4020'0301);
/// static_assert(stage1::needs_break(block, stage1::table(0x1234), 1, false));
/// ```
template <aarch64_shape Shape>
struct basic_aarch64 : detail::aarch64_table<Shape> {
    static_assert(!Shape.concatenated, "aarch64_shape: only stage 2 has concatenated tables");
    using base = detail::aarch64_table<Shape>;
    using typename base::entry;

    /// What a leaf allows, and of which kind its memory is.
    struct permissions {
        bool read = true;
        bool write = false;
        bool execute = false;
        bool user = false;
        bool global = false;
        std::uint8_t memory = 0;        ///< AttrIndx, 0 to 7
        std::uint8_t shareability = 3;  ///< 0 none, 2 outer, 3 inner
        [[nodiscard]] friend constexpr bool operator==(const permissions&,
                                                       const permissions&) noexcept = default;
    };

    [[nodiscard]] static constexpr bool expressible(permissions allowed) noexcept {
        return allowed.read && allowed.memory < 8 && allowed.shareability < 4 && allowed.shareability != 1;
    }
    [[nodiscard]] static constexpr entry leaf(std::uint64_t frame, permissions allowed, unsigned level,
                                              std::uint64_t software = 0) noexcept {
        const entry bare = base::valid | (level == 0 ? base::not_block : 0) |
                           (frame << base::page_shift & base::frame_mask(level)) | read_only;
        return base::with_software(with_permissions(bare, allowed, level), software);
    }
    [[nodiscard]] static constexpr permissions permissions_of(entry e, unsigned) noexcept {
        const bool user = (e & el0) != 0;
        return {.read = base::is_present(e),
                .write = is_writable(e),
                .execute = (e & (user ? user_no_execute : privileged_no_execute)) == 0,
                .user = user,
                .global = (e & not_global) == 0,
                .memory = static_cast<std::uint8_t>(e >> 2 & 7),
                .shareability = static_cast<std::uint8_t>(e >> 8 & 3)};
    }
    [[nodiscard]] static constexpr entry with_permissions(entry e, permissions allowed, unsigned) noexcept {
        const bool el0_executes = allowed.execute && allowed.user;
        const bool el1_executes = allowed.execute && !allowed.user;
        const entry rest =
            detail::with_bits(e, attributes | el0 | user_no_execute | privileged_no_execute,
                              (entry{allowed.memory} & 7) << 2 | (entry{allowed.shareability} & 3) << 8 |
                                  detail::bit_if(!allowed.global, 11) | detail::bit_if(allowed.user, 6) |
                                  detail::bit_if(!el1_executes, 53) | detail::bit_if(!el0_executes, 54));
        return is_writable(e) == allowed.write ? rest : with_write(rest, allowed.write);
    }
    [[nodiscard]] static constexpr bool is_writable(entry e) noexcept {
        return (e & read_only) == 0 || (e & base::dirty_managed) != 0;
    }
    [[nodiscard]] static constexpr entry with_write(entry e, bool on) noexcept {
        if (!on) return (e | read_only) & ~base::dirty_managed;
        return Shape.hardware_dirty ? e | base::dirty_managed : e & ~read_only;
    }
    [[nodiscard]] static constexpr bool is_dirty(entry e) noexcept { return (e & read_only) == 0; }
    [[nodiscard]] static constexpr entry with_dirty(entry e, bool on) noexcept {
        if ((e & base::dirty_managed) == 0) return e;
        return detail::with_bits(e, read_only, detail::bit_if(!on, 7));
    }
    [[nodiscard]] static constexpr bool needs_break(entry old, entry next, unsigned level,
                                                    bool same_bytes) noexcept {
        return base::needs_break(old, next, level, same_bytes, is_writable(old) || is_writable(next),
                                 attributes);
    }

 private:
    static constexpr entry el0 = 1 << 6;
    static constexpr entry read_only = 1 << 7;
    static constexpr entry not_global = 1 << 11;
    /// AttrIndx, SH, nG.
    static constexpr entry attributes = detail::bits_between(2, 4) | detail::bits_between(8, 9) | not_global;
    static constexpr entry privileged_no_execute = std::uint64_t{1} << 53;
    static constexpr entry user_no_execute = std::uint64_t{1} << 54;
};

/// Pages of 4 KiB, 48 bits of address, the table of TTBR0.
using aarch64 = basic_aarch64<aarch64_shape{}>;

}  // namespace ashlar
