// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <cstdint>

namespace ashlar {

/// The rules that a block may break, in the order in which they are looked at.
enum class [[nodiscard]] window_rule : std::uint8_t{
    kept,                  ///< none: a window can show the block
    sound_descriptor,      ///< the descriptor itself is wrong: `check` says how
    not_empty,             ///< there are bytes, and the last one has an address
    window_of_the_kind,    ///< the bridge has a window of the kind asked for
    fixed_target,          ///< the window shows what it was given, and nothing else
    fits_window,           ///< no more bytes than the largest window has
    aligned_to_granule,    ///< the block starts at a multiple of the granule
    aligned_to_aperture,   ///< ... of the size of the BAR
    aligned_to_block,      ///< ... of its own size: address bits are replaced, not added
    whole_window,          ///< without a limit register the window shows all of its bytes
    size_in_granules,      ///< the size is a multiple of the granule
    size_is_power_of_two,  ///< the size is a power of two
    within_4gib,           ///< the block does not cross a multiple of 4 GiB
    within_reach,          ///< the block lies below the highest address that can be shown
};

/// A sentence, for logs.
[[nodiscard]] constexpr const char* to_string(window_rule rule) noexcept {
    switch (rule) {
        case window_rule::kept:
            return "a window can show the block";
        case window_rule::sound_descriptor:
            return "the descriptor contradicts itself";
        case window_rule::not_empty:
            return "the block is empty or wraps";
        case window_rule::window_of_the_kind:
            return "the bridge has no window of this kind";
        case window_rule::fixed_target:
            return "the window is fixed and shows another block";
        case window_rule::fits_window:
            return "the block is larger than the largest window";
        case window_rule::aligned_to_granule:
            return "the block must start at a multiple of the granule";
        case window_rule::aligned_to_aperture:
            return "the block must start at a multiple of the size of the BAR";
        case window_rule::aligned_to_block:
            return "the block must start at a multiple of its own size, as address bits are replaced";
        case window_rule::whole_window:
            return "the window has no limit register: the block must be as large as the window";
        case window_rule::size_in_granules:
            return "the size must be a multiple of the granule";
        case window_rule::size_is_power_of_two:
            return "the size must be a power of two";
        case window_rule::within_4gib:
            return "the block must not cross a multiple of 4 GiB";
        case window_rule::within_reach:
            return "the block lies beyond the highest address that the window can show";
    }
    return "unknown";
}

/// The error of a verb that met the broken rule.
[[nodiscard]] constexpr errc to_errc(window_rule rule) noexcept {
    switch (rule) {
        case window_rule::kept:
            return errc::ok;
        case window_rule::fits_window:
            return errc::too_large;
        case window_rule::window_of_the_kind:
        case window_rule::fixed_target:
        case window_rule::within_reach:
            return errc::not_covered;
        case window_rule::aligned_to_granule:
        case window_rule::aligned_to_aperture:
        case window_rule::aligned_to_block:
        case window_rule::whole_window:
        case window_rule::size_in_granules:
        case window_rule::size_is_power_of_two:
        case window_rule::within_4gib:
            return errc::misaligned;
        case window_rule::sound_descriptor:
        case window_rule::not_empty:
            break;
    }
    return errc::invalid;
}

}  // namespace ashlar
