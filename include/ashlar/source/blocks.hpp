// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// The order of the largest naturally aligned block that starts at `frames.first`, fits in `frames` and is at
/// most `top_order`. `frames` must not be empty.
template <class Space>
[[nodiscard]] constexpr unsigned leading_block_order(range<Space> frames, unsigned top_order) noexcept {
    unsigned order = static_cast<unsigned>(std::bit_width(frames.count)) - 1;
    const unsigned alignment = static_cast<unsigned>(std::countr_zero(frames.first.number));
    if (alignment < order) order = alignment;
    return order < top_order ? order : top_order;
}

/// Calls `sink(frame, order)` for the fewest naturally aligned blocks of at most 2^top_order frames that make
/// up `frames`, in ascending order: what a buddy allocator holds once everything in the range is free.
template <class Space, class Sink>
constexpr void for_each_block(range<Space> frames, unsigned top_order, Sink&& sink) noexcept {
    while (!frames.empty()) {
        const unsigned order = leading_block_order(frames, top_order);
        sink(frames.first, order);
        frames = {frames.first + (std::uint64_t{1} << order), frames.count - (std::uint64_t{1} << order)};
    }
}

}  // namespace ashlar
