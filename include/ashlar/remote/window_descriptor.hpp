// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/byte_address.hpp>
#include <cstdint>

namespace ashlar {

/// What the first byte that a window shows has to be a multiple of.
enum class alignment_rule : std::uint8_t {
    granule,   ///< `window_descriptor::granule`
    aperture,  ///< the size of the window's BAR, whatever part of it is used (a base register without low
               ///< bits)
    block,     ///< the size of the block itself, which is a power of two (bits are replaced, not added)
};

/// What is written to a window's limit register.
enum class limit_rule : std::uint8_t {
    base_plus_size,          ///< the local address behind the last byte; equal to the base: closed
    base_plus_size_or_zero,  ///< the same, but 0 means all of the BAR (Intel gen1)
    size,                    ///< the number of bytes (AMD, Switchtec, CXL)
    end_address,             ///< the local address behind the last byte, in two registers of 32 bits (IDT)
    whole,                   ///< there is none: the window shows all of its BAR (PLX), or what was mapped
};

/// Who writes the translation.
enum class window_authority : std::uint8_t {
    initiator,   ///< the server that accesses through the window
    target,      ///< the server whose memory it shows: it has to be asked
    hypervisor,  ///< a call to the hypervisor, a memory slot of its
    fixed,       ///< nobody: it was set before anybody came
};

/// In which order windows are opened and closed.
enum class commit_order : std::uint8_t {
    any,
    stack,  ///< opened by ascending number, closed from the last one down (CXL HDM decoders)
};

/// What the windows of a bridge can do: plain data, filled in by hand or from a preset (presets.hpp) and
/// what PCI says about the BARs. Direct windows have a BAR (an aperture) each. Slices are the entries of a
/// look-up table in one BAR: windows of one size, each aligned to it.
///
/// `check(descriptor)` says whether it makes sense, `explain(descriptor, block)` whether a block can be
/// shown, `plan_windows` which blocks show a range. Any context; constexpr.
///
/// ```
/// constexpr ashlar::window_descriptor bridge = ashlar::with_aperture(ashlar::presets::intel_gen3, 1 << 30);
/// static_assert(ashlar::check(bridge) == ashlar::descriptor_defect::none);
/// const auto why = ashlar::explain(bridge, {{0x4000'1000}, 4096});
/// // why.rule == window_rule::aligned_to_aperture, why.nearest == {{0x4000'0000}, 0x2000}
/// ```
struct window_descriptor {
    const char* name = "";

    /// Direct windows, and the bytes of the BAR of each.
    std::uint32_t windows = 0;
    std::uint64_t aperture = 0;
    /// Entries of the look-up table, and their size: `slice_bytes`, or the aperture / `slices_in_aperture`.
    std::uint32_t slices = 0;
    std::uint64_t slice_bytes = 0;
    std::uint32_t slices_in_aperture = 0;
    /// The table lies at the start of the first direct window's BAR and takes its bytes away.
    bool slices_shrink_first = false;

    alignment_rule alignment = alignment_rule::granule;
    /// Power of two: what sizes are a multiple of, and starts, too, under `alignment_rule::granule`.
    std::uint64_t granule = 4096;
    bool power_of_two_size = false;
    limit_rule limit = limit_rule::base_plus_size;
    /// A block does not cross a multiple of 4 GiB (the translation adds in 32 bits).
    bool within_4gib = false;
    /// Physical addresses of the peer from here on cannot be shown; 0: all can.
    std::uint64_t reach = 0;
    /// The translation replaces the high bits of the local offset: no carry, so `alignment_rule::block`.
    bool replaces_bits = false;

    window_authority authority = window_authority::target;
    /// Some register says where a window shows. Where none does, what a window shows follows from where it
    /// is: it is used as it was set up (`identity_window`), and nobody aims it.
    bool has_target = true;
    commit_order order = commit_order::any;
    /// Where windows of `window_authority::fixed` show.
    byte_address<peer> fixed_target{};
    /// The translation is two registers of 32 bits: written one after the other, while the window is closed.
    bool split_halves = false;
    /// Registers are behind an index register: one user at a time.
    bool indexed_port = false;
    /// Commands that are sent together cost what one does.
    bool batched = false;
    /// A bit that says "the peer is ready" stays set when the peer crashes: only the canary tells (AMD).
    bool ready_survives_crash = false;
    /// What aiming a window anew costs, in nanoseconds: for replacement, not for waiting.
    std::uint64_t reaim_ns = 1000;
};

/// The descriptor with another size of the BARs.
[[nodiscard]] constexpr window_descriptor with_aperture(window_descriptor descriptor,
                                                        std::uint64_t aperture) noexcept {
    descriptor.aperture = aperture;
    return descriptor;
}

/// The bytes of a slice; 0 where there are none.
[[nodiscard]] constexpr std::uint64_t slice_size(const window_descriptor& descriptor) noexcept {
    if (descriptor.slices == 0) return 0;
    if (descriptor.slices_in_aperture != 0) return descriptor.aperture / descriptor.slices_in_aperture;
    return descriptor.slice_bytes;
}

/// The bytes that the table of slices takes from the first direct window.
[[nodiscard]] constexpr std::uint64_t slice_area(const window_descriptor& descriptor) noexcept {
    return descriptor.slices_shrink_first ? descriptor.slices * slice_size(descriptor) : 0;
}

/// How many bytes direct window `window` shows at most. `window` is below `windows`. Where bits are replaced,
/// what lies behind the table starts at a multiple of its size only if it is no larger than the table (Linux
/// ntb_hw_switchtec.c, switchtec_ntb_direct_get_addr).
[[nodiscard]] constexpr std::uint64_t window_size(const window_descriptor& descriptor,
                                                  std::uint32_t window) noexcept {
    const std::uint64_t taken = window == 0 ? slice_area(descriptor) : 0;
    const std::uint64_t left = descriptor.aperture > taken ? descriptor.aperture - taken : 0;
    return descriptor.replaces_bits && taken != 0 && left > taken ? taken : left;
}

}  // namespace ashlar
