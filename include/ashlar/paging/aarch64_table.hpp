// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>

namespace ashlar {

/// Granule, widths and features of an AArch64 translation regime.
struct aarch64_shape {
    unsigned granule_shift = 12;  ///< 12, 14 or 16: pages of 4, 16 or 64 KiB (TCR_ELx.TG, VTCR_EL2.TG0)
    unsigned address_bits = 48;   ///< 64 - TxSZ, 25 to 48
    unsigned physical_bits = 48;  ///< ID_AA64MMFR0_EL1.PARange and (I)PS, at most 48
    bool upper_half = false;      ///< stage 1: the table of TTBR1
    bool concatenated = false;    ///< stage 2: up to 16 tables side by side instead of one more level
    bool hardware_dirty = false;  ///< TCR_ELx.HD, VTCR_EL2.HD: writable leaves carry DBM
};

namespace detail {

/// What both stages of AArch64 translation share: the geometry and the bits that say what a descriptor is.
/// Descriptors of level 0 here are those of the architecture's level 3.
template <aarch64_shape Shape>
struct aarch64_table {
    static_assert(Shape.granule_shift == 12 || Shape.granule_shift == 14 || Shape.granule_shift == 16,
                  "aarch64_shape: granule_shift must be 12, 14 or 16");
    static_assert(Shape.address_bits >= 25 && Shape.address_bits <= 48,
                  "aarch64_shape: address_bits must lie in 25..48");
    static_assert(Shape.physical_bits >= 32 && Shape.physical_bits <= 48,
                  "aarch64_shape: physical_bits must lie in 32..48");

    using entry = std::uint64_t;

    static constexpr unsigned page_shift = Shape.granule_shift;
    static constexpr unsigned index_bits = page_shift - 3;
    static constexpr unsigned physical_bits = Shape.physical_bits;
    static constexpr unsigned software_bits = 4;
    static constexpr unsigned absent_bits = 63;

    static constexpr unsigned resolved_bits = Shape.address_bits - page_shift;
    static constexpr unsigned below_root = Shape.concatenated ? resolved_bits - 4 : resolved_bits;
    static constexpr unsigned levels = (below_root + index_bits - 1) / index_bits;
    static constexpr unsigned root_index_bits = resolved_bits - (levels - 1) * index_bits;

    [[nodiscard]] static constexpr bool valid_address(std::uint64_t address) noexcept {
        return (Shape.upper_half ? ~address : address) >> Shape.address_bits == 0;
    }
    /// Blocks of 2 MiB and 1 GiB, of 32 MiB, of 512 MiB.
    [[nodiscard]] static constexpr bool may_be_leaf(unsigned level) noexcept {
        return level < levels && (level <= 1 || (level == 2 && page_shift == 12));
    }
    [[nodiscard]] static constexpr entry table(std::uint64_t frame) noexcept {
        return valid | not_block | (frame << page_shift & frame_mask(0));
    }
    [[nodiscard]] static constexpr entry absent(std::uint64_t payload = 0) noexcept { return payload << 1; }

    [[nodiscard]] static constexpr bool is_present(entry e) noexcept { return (e & valid) != 0; }
    [[nodiscard]] static constexpr bool is_leaf(entry e, unsigned level) noexcept {
        return is_present(e) && (level == 0 || (e & not_block) == 0);
    }
    [[nodiscard]] static constexpr bool well_formed(entry e, unsigned level) noexcept {
        if (!is_present(e)) return true;
        if (level == 0 && (e & not_block) == 0) return false;
        if ((e & bits_between(12, 49) & ~bits_between(page_shift, physical_bits - 1)) != 0) return false;
        if (!is_leaf(e, level) || level == 0) return true;
        return may_be_leaf(level) && (e & frame_mask(0) & ~frame_mask(level) & ~not_conflicting) == 0;
    }
    [[nodiscard]] static constexpr std::uint64_t frame_of(entry e, unsigned level) noexcept {
        return (e & frame_mask(is_leaf(e, level) ? level : 0)) >> page_shift;
    }
    [[nodiscard]] static constexpr std::uint64_t software_of(entry e) noexcept { return e >> 55 & 0xf; }
    [[nodiscard]] static constexpr std::uint64_t payload_of(entry e) noexcept { return e >> 1; }

    [[nodiscard]] static constexpr entry with_frame(entry e, std::uint64_t frame, unsigned level) noexcept {
        return with_bits(e, frame_mask(level), frame << page_shift);
    }
    [[nodiscard]] static constexpr entry with_software(entry e, std::uint64_t software) noexcept {
        return with_bits(e, bits_between(55, 58), software << 55);
    }
    [[nodiscard]] static constexpr bool is_accessed(entry e) noexcept { return (e & access_flag) != 0; }
    [[nodiscard]] static constexpr entry with_accessed(entry e, bool on) noexcept {
        return with_bits(e, access_flag, bit_if(on, 10));
    }
    /// The Contiguous bit stays: what one entry said of 16, 32 or 128 blocks is not so for the parts of one.
    [[nodiscard]] static constexpr entry child_of(entry e, unsigned level, std::uint64_t index) noexcept {
        const std::uint64_t frame = frame_of(e, level) + (index << (level - 1) * index_bits);
        const entry rest = e & ~(frame_mask(0) | not_block | contiguous);
        return with_frame(level == 1 ? rest | not_block : rest, frame, level - 1);
    }
    [[nodiscard]] static constexpr bool is_contiguous(entry e) noexcept { return (e & contiguous) != 0; }
    [[nodiscard]] static constexpr entry with_contiguous(entry e, bool on) noexcept {
        return with_bits(e, contiguous, bit_if(on, 52));
    }

 protected:
    static constexpr entry valid = 1 << 0;
    static constexpr entry not_block = 1 << 1;
    static constexpr entry access_flag = 1 << 10;
    static constexpr entry not_conflicting = 1 << 16;  ///< nT of a block (FEAT_BBM)
    static constexpr entry contiguous = std::uint64_t{1} << 52;
    static constexpr entry dirty_managed = std::uint64_t{1} << 51;

    [[nodiscard]] static constexpr entry frame_mask(unsigned level) noexcept {
        return bits_between(page_shift + level * index_bits, 47);
    }
    /// Break-before-make (DDI 0487 D8.16.1): another size or output address, other memory attributes. Where
    /// nobody writes to either frame, and both hold the same, the address may change at once.
    [[nodiscard]] static constexpr bool needs_break(entry old, entry next, unsigned level, bool same_bytes,
                                                    bool writable, entry attributes) noexcept {
        if (!is_present(old) || !is_present(next)) return false;
        if (is_leaf(old, level) != is_leaf(next, level)) return true;
        const bool moved = frame_of(old, level) != frame_of(next, level);
        if (!is_leaf(old, level)) return moved;
        if (((old ^ next) & (attributes | contiguous)) != 0) return true;
        return moved && (writable || !same_bytes);
    }
};

}  // namespace detail
}  // namespace ashlar
