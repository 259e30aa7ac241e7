// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/source/blocks.hpp>
#include <cstdint>

namespace ashlar {

/// What a buddy tells about itself through `describe`, in this order: first_frame, frames (spanned),
/// present_frames, free_frames, isolated_free_frames (part of the former), then free_blocks_order_N for N
/// from 0 to the top order.
struct buddy_figures {
    static constexpr unsigned orders = 40;

    std::uint64_t first_frame = 0;
    std::uint64_t frames = 0;
    std::uint64_t present_frames = 0;
    std::uint64_t free_frames = 0;
    std::uint64_t isolated_free_frames = 0;
    std::uint64_t free_blocks[orders] = {};

    /// Counts a range of free frames as the blocks of at most 2^top_order that it holds.
    template <class Space>
    constexpr void add_free(range<Space> frames_free, unsigned top_order) noexcept {
        free_frames += frames_free.count;
        for_each_block(frames_free, top_order,
                       [this](frame<Space>, unsigned order) noexcept { ++free_blocks[order]; });
    }

    template <class Sink>
    constexpr void tell(Sink&& sink, unsigned top_order) const noexcept {
        sink("first_frame", first_frame);
        sink("frames", frames);
        sink("present_frames", present_frames);
        sink("free_frames", free_frames);
        sink("isolated_free_frames", isolated_free_frames);
        for (unsigned order = 0; order <= top_order; ++order) sink(names[order], free_blocks[order]);
    }

 private:
    static constexpr const char* names[orders] = {
        "free_blocks_order_0",  "free_blocks_order_1",  "free_blocks_order_2",  "free_blocks_order_3",
        "free_blocks_order_4",  "free_blocks_order_5",  "free_blocks_order_6",  "free_blocks_order_7",
        "free_blocks_order_8",  "free_blocks_order_9",  "free_blocks_order_10", "free_blocks_order_11",
        "free_blocks_order_12", "free_blocks_order_13", "free_blocks_order_14", "free_blocks_order_15",
        "free_blocks_order_16", "free_blocks_order_17", "free_blocks_order_18", "free_blocks_order_19",
        "free_blocks_order_20", "free_blocks_order_21", "free_blocks_order_22", "free_blocks_order_23",
        "free_blocks_order_24", "free_blocks_order_25", "free_blocks_order_26", "free_blocks_order_27",
        "free_blocks_order_28", "free_blocks_order_29", "free_blocks_order_30", "free_blocks_order_31",
        "free_blocks_order_32", "free_blocks_order_33", "free_blocks_order_34", "free_blocks_order_35",
        "free_blocks_order_36", "free_blocks_order_37", "free_blocks_order_38", "free_blocks_order_39",
    };
};

}  // namespace ashlar
