// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/window_descriptor.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// What is wrong with a descriptor.
enum class [[nodiscard]] descriptor_defect : std::uint8_t{
    none,
    no_windows,         ///< neither direct windows nor slices
    aperture,           ///< a BAR is a power of two, and not empty
    granule,            ///< not a power of two, or larger than the BAR
    slice,              ///< a slice is not a power of two, or the table does not fit into a BAR
    slices_fill_first,  ///< the table of slices leaves nothing of the first direct window
    carries,            ///< bits are replaced, but blocks need not be aligned to their size
    block_size,         ///< blocks are aligned to their size, which need not be a power of two
    reach,              ///< no block lies below `reach`
    fixed_target,       ///< the fixed target is misaligned, out of reach or wraps
};

/// A sentence, for logs.
[[nodiscard]] constexpr const char* to_string(descriptor_defect defect) noexcept {
    switch (defect) {
        case descriptor_defect::none:
            return "the descriptor is sound";
        case descriptor_defect::no_windows:
            return "there is neither a direct window nor a slice";
        case descriptor_defect::aperture:
            return "the aperture is not a power of two";
        case descriptor_defect::granule:
            return "the granule is not a power of two, or larger than the aperture";
        case descriptor_defect::slice:
            return "a slice is not a power of two, or the slices do not fit into the aperture";
        case descriptor_defect::slices_fill_first:
            return "the slices leave nothing of the first direct window";
        case descriptor_defect::carries:
            return "bits are replaced, so a block must be aligned to its size";
        case descriptor_defect::block_size:
            return "blocks are aligned to their size, which must be a power of two";
        case descriptor_defect::reach:
            return "no block lies within reach";
        case descriptor_defect::fixed_target:
            return "the fixed target is misaligned, out of reach, or wraps";
    }
    return "unknown";
}

/// The first thing wrong with a descriptor: for what a firmware table or PCI said at run time; presets are
/// checked where they are defined. Any context; constexpr.
constexpr descriptor_defect check(const window_descriptor& d) noexcept {
    using flaw = descriptor_defect;
    if (d.windows == 0 && d.slices == 0) return flaw::no_windows;
    if (!std::has_single_bit(d.aperture)) return flaw::aperture;
    if (!std::has_single_bit(d.granule) || d.granule > d.aperture) return flaw::granule;
    if (d.slices != 0) {
        const std::uint64_t slice = slice_size(d);
        if (!std::has_single_bit(slice) || slice < d.granule || d.slices > d.aperture / slice) {
            return flaw::slice;
        }
        if (d.windows != 0 && window_size(d, 0) < d.granule) return flaw::slices_fill_first;
    }
    if (d.replaces_bits && d.alignment != alignment_rule::block) return flaw::carries;
    if (d.alignment == alignment_rule::block) {
        if (!d.power_of_two_size) return flaw::block_size;
        const bool all = d.limit == limit_rule::whole && d.windows != 0;
        if (all && !std::has_single_bit(window_size(d, 0))) return flaw::block_size;
    }
    const std::uint64_t least = d.windows == 0 ? slice_size(d) : d.granule;
    if (d.reach != 0 && d.reach < least) return flaw::reach;
    if (d.authority == window_authority::fixed) {
        const byte_range<peer> shown{d.fixed_target, d.aperture};
        const std::uint64_t unit = d.alignment == alignment_rule::granule ? d.granule : d.aperture;
        if ((d.fixed_target.value & (unit - 1)) != 0 || shown.wraps()) return flaw::fixed_target;
        if (d.reach != 0 && shown.last().value >= d.reach) return flaw::fixed_target;
    }
    return flaw::none;
}

}  // namespace ashlar
