// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// What `allocate_contiguous` is asked for: `count` frames in a row, any number of them. Written with
/// designated initialisers. `node`, `mobility` and `urgent` are as in `request`, `nodes`, `below` and
/// `mirror::required` requirements as there; so are the rest, which every type can judge.
///
/// ```
/// // 300 frames for a device that decodes 32 bits of an address and crosses no multiple of 2 MiB
/// constexpr ashlar::contiguous_request<> ring{
///     .count = 300, .alignment = 16, .boundary = 512, .below = {1 << 20}};
/// ```
template <class Space = machine>
struct contiguous_request {
    using space = Space;

    std::uint64_t count = 1;
    std::uint64_t alignment = 1;  ///< the first frame is a multiple of this power of two; may exceed `count`
    std::uint64_t boundary = 0;   ///< no multiple of this power of two lies inside the range; 0: none matters
    node_id node = any_node;      ///< nearest to this node first
    node_set nodes = {};          ///< only from these nodes
    frame<Space> below = no_limit<Space>;  ///< the whole range lies below this frame
    frame<Space> not_before = {};          ///< and none of it below this one
    ashlar::mirror mirror = mirror::unspecified;
    ashlar::mobility mobility = mobility::unmovable;
    bool urgent = false;  ///< may use the emergency reserve

    /// `invalid` if no range at all could be right, else `ok`.
    [[nodiscard]] constexpr errc check() const noexcept {
        if (count == 0 || !std::has_single_bit(alignment)) return errc::invalid;
        if (boundary != 0 && (!std::has_single_bit(boundary) || count > boundary)) return errc::invalid;
        return errc::ok;
    }

    /// The order of the smallest block that holds `count` frames; 64 if there is none.
    [[nodiscard]] constexpr unsigned order() const noexcept {
        return static_cast<unsigned>(std::bit_width(count - 1));
    }
    /// A request for that block, from the same memory.
    [[nodiscard]] constexpr request<Space> block() const noexcept {
        return {.order = order(),
                .node = node,
                .nodes = nodes,
                .below = below,
                .mirror = mirror,
                .mobility = mobility,
                .urgent = urgent};
    }

    /// The part of a range that the range wanted may lie in. Frame 0 is in no part.
    [[nodiscard]] constexpr range<Space> part_of(range<Space> frames) const noexcept {
        const frame<Space> first = not_before.number == 0 ? frame<Space>{1} : not_before;
        return frames.clipped_to(range<Space>::between(first, below));
    }
    /// The lowest place in a run of frames, as a range; an empty one if there is none. The request passes
    /// `check`, the run is a `part_of` some.
    [[nodiscard]] constexpr range<Space> place_in(range<Space> run) const noexcept {
        const std::uint64_t skipped = (0 - run.first.number) & (alignment - 1);
        if (run.count < skipped) return {};
        range<Space> rest{run.first + skipped, run.count - skipped};
        if (boundary != 0) {
            // A multiple of the boundary is aligned, too: where the alignment is the larger one, `rest`
            // begins at such a multiple already.
            const std::uint64_t before = boundary - (rest.first.number & (boundary - 1));
            if (before < count) {
                if (rest.count < before) return {};
                rest = {rest.first + before, rest.count - before};
            }
        }
        return rest.count < count ? range<Space>{} : range<Space>{rest.first, count};
    }
};

}  // namespace ashlar
