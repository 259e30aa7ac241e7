// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/aarch64_table.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// Descriptors of AArch64 stage 2: intermediate physical (a guest's) to machine addresses.
///
/// | bits | meaning |
/// |---|---|
/// | 0, 1 | valid; a table or a page, not a block |
/// | 2-5 | MemAttr, without FWB: 15 normal write-back, 5 normal non-cacheable, 1 Device-nGnRE, 0 nGnRnE |
/// | 6, 7 | S2AP: readable, writable |
/// | 8-9 | shareability: 0 none, 2 outer, 3 inner |
/// | 10 | access flag |
/// | 12-47 | frame |
/// | 51 | DBM: with `hardware_dirty` a leaf with it is writable; a write sets S2AP[1]: dirty |
/// | 52 | Contiguous |
/// | 53-54 | XN: 2 nobody executes, 0 whoever (1 and 3 are FEAT_XNX's) |
/// | 55-58 | free for software |
///
/// - Not expressible: what can be neither read, written nor executed; else any combination.
/// - `concatenated`: the root is up to 16 tables side by side, its frames naturally aligned.
/// - What needs a break, dirty and contiguous entries, `payload`: as in stage 1 (`basic_aarch64`).
///
/// Source: Arm ARM (DDI 0487) D8.3.1.2 and D8.3.2, D8.4.2 "Stage 2 data accesses permissions", D8.2.7
/// (concatenated tables), D8.6.5 (MemAttr); Linux arch/arm64/kvm/hyp/pgtable.c.
///
/// Example:
/// ```
/// constexpr ashlar::aarch64_shape shape{.address_bits = 40, .concatenated = true};
/// using stage2 = ashlar::basic_aarch64_stage2<shape>;
/// static_assert(stage2::levels == 3 && ashlar::page_geometry<stage2>::root_order == 1);
/// static_assert(stage2::leaf(0x80000, {.write = true, .execute = true}, 0) == 0x8000'03ff);
/// ```
template <aarch64_shape Shape>
struct basic_aarch64_stage2 : detail::aarch64_table<Shape> {
    static_assert(!Shape.upper_half, "aarch64_shape: stage 2 has one table");
    using base = detail::aarch64_table<Shape>;
    using typename base::entry;

    /// What a leaf allows, and of which kind its memory is.
    struct permissions {
        bool read = true;
        bool write = false;
        bool execute = false;
        std::uint8_t memory = 15;       ///< MemAttr, 0 to 15
        std::uint8_t shareability = 3;  ///< 0 none, 2 outer, 3 inner
        [[nodiscard]] friend constexpr bool operator==(const permissions&,
                                                       const permissions&) noexcept = default;
    };

    [[nodiscard]] static constexpr bool expressible(permissions allowed) noexcept {
        return (allowed.read || allowed.write || allowed.execute) && allowed.memory < 16 &&
               allowed.shareability < 4 && allowed.shareability != 1;
    }
    [[nodiscard]] static constexpr entry leaf(std::uint64_t frame, permissions allowed, unsigned level,
                                              std::uint64_t software = 0) noexcept {
        const entry bare = base::valid | (level == 0 ? base::not_block : 0) |
                           (frame << base::page_shift & base::frame_mask(level));
        return base::with_software(with_permissions(bare, allowed, level), software);
    }
    [[nodiscard]] static constexpr permissions permissions_of(entry e, unsigned) noexcept {
        return {.read = (e & readable) != 0,
                .write = is_writable(e),
                .execute = (e & no_execute) == 0,
                .memory = static_cast<std::uint8_t>(e >> 2 & 15),
                .shareability = static_cast<std::uint8_t>(e >> 8 & 3)};
    }
    [[nodiscard]] static constexpr entry with_permissions(entry e, permissions allowed, unsigned) noexcept {
        const entry rest =
            detail::with_bits(e, attributes | readable | no_execute | privileged_split,
                              (entry{allowed.memory} & 15) << 2 | (entry{allowed.shareability} & 3) << 8 |
                                  detail::bit_if(allowed.read, 6) | detail::bit_if(!allowed.execute, 54));
        return is_writable(e) == allowed.write ? rest : with_write(rest, allowed.write);
    }
    [[nodiscard]] static constexpr bool is_writable(entry e) noexcept {
        return (e & (writable | base::dirty_managed)) != 0;
    }
    [[nodiscard]] static constexpr entry with_write(entry e, bool on) noexcept {
        if (!on) return e & ~(writable | base::dirty_managed);
        return e | (Shape.hardware_dirty ? base::dirty_managed : writable);
    }
    [[nodiscard]] static constexpr bool is_dirty(entry e) noexcept { return (e & writable) != 0; }
    [[nodiscard]] static constexpr entry with_dirty(entry e, bool on) noexcept {
        if ((e & base::dirty_managed) == 0) return e;
        return detail::with_bits(e, writable, detail::bit_if(on, 7));
    }
    [[nodiscard]] static constexpr bool needs_break(entry old, entry next, unsigned level,
                                                    bool same_bytes) noexcept {
        return base::needs_break(old, next, level, same_bytes, is_writable(old) || is_writable(next),
                                 attributes);
    }

 private:
    static constexpr entry readable = 1 << 6;
    static constexpr entry writable = 1 << 7;
    /// MemAttr, SH.
    static constexpr entry attributes = detail::bits_between(2, 5) | detail::bits_between(8, 9);
    static constexpr entry privileged_split = std::uint64_t{1} << 53;
    static constexpr entry no_execute = std::uint64_t{1} << 54;
};

/// Pages of 4 KiB, 48 bits of intermediate physical address.
using aarch64_stage2 = basic_aarch64_stage2<aarch64_shape{.concatenated = true}>;

}  // namespace ashlar
