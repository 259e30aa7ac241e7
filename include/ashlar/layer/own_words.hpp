// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <limits>

namespace ashlar {

/// The metadata that a layer keeps for itself lies in whole units of this many bytes before those of its
/// inner source, so that both begin on a cache line wherever the caller's metadata do.
inline constexpr std::size_t layer_line_bytes = 64;

/// Words of type `Word` in one such unit; at least 1. A constant.
template <class Word>
inline constexpr std::size_t layer_line_words = sizeof(Word) < layer_line_bytes
                                                    ? layer_line_bytes / sizeof(Word)
                                                    : std::size_t{1};

/// What a layer answers as `metadata_words`: its own and those of the inner source; 0 (cannot be attached)
/// where the inner source says so or the sum does not fit. Any context.
[[nodiscard]] constexpr std::size_t add_words(std::size_t own, std::size_t inner) noexcept {
    return inner == 0 || inner > std::numeric_limits<std::size_t>::max() - own ? 0 : own + inner;
}

/// The checks of `attach` that a layer makes before it looks at its own words. Any context.
template <class Layer>
[[nodiscard]] constexpr errc check_attach(bool attached, range<typename Layer::space> frames,
                                          view<typename Layer::word> words) noexcept {
    if (attached) return errc::busy;
    if (frames.empty() || frames.wraps()) return errc::invalid;
    const std::size_t needed = Layer::metadata_words(frames);
    return needed == 0 || words.size() < needed ? errc::limit : errc::ok;
}

}  // namespace ashlar
