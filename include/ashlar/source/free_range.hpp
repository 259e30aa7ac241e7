// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/source/blocks.hpp>

namespace ashlar {

/// Frees a range of any length, in the fewest naturally aligned blocks: what `allocate_contiguous` or
/// `allocate_at` gave (Linux free_contig_range). The allocator is a source, a machine or anything else with
/// `free`; the range lies in one zone.
///
/// - Complexity: one `free` for each block, and before that one `would_free` where the allocator has it.
/// - Context: that of `free`.
/// - Failure: `invalid` for an empty or wrapping range, else what `free` says of the first block it refuses.
///   Where the allocator has `would_free` nothing is freed then, unless the refusal was not to be foreseen
///   (the frames were revoked this moment); else every other block is free.
///
/// ```
/// (void)source.allocate_at({{0x1003}, 300});
/// (void)ashlar::free_range(source, {{0x1003}, 300});
/// ```
template <class Allocator>
constexpr errc free_range(Allocator& allocator, range<typename Allocator::space> frames) noexcept {
    using block_first = frame<typename Allocator::space>;
    if (frames.empty() || frames.wraps()) return errc::invalid;
    errc answer = errc::ok;
    if constexpr (requires(block_first f, unsigned order) { allocator.would_free(f, order); }) {
        for_each_block(frames, Allocator::top_order, [&](block_first f, unsigned order) noexcept {
            if (answer == errc::ok) answer = allocator.would_free(f, order);
        });
        if (answer != errc::ok) return answer;
    }
    for_each_block(frames, Allocator::top_order, [&](block_first f, unsigned order) noexcept {
        const errc refused = allocator.free(f, order);
        if (answer == errc::ok) answer = refused;
    });
    return answer;
}

}  // namespace ashlar
