// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <concepts>

namespace ashlar {

/// 2^order frames from `first` on that are used, and move, as one.
template <class Space = machine>
struct used_block {
    frame<Space> first{};
    unsigned order = 0;

    [[nodiscard]] friend constexpr bool operator==(used_block, used_block) noexcept = default;
};

/// What copies a block and switches whoever points at it: the one policy behind evacuation, promotion into
/// mirrored memory, compaction and retirement. The allocator knows that a frame is used; only a mover knows
/// by whom (Linux: rmap and migrate_pages).
///
/// - `block_of(frame)`: the block in use that has the frame. `not_owned` if nobody that this mover knows uses
///   it; `busy` if it is pinned: a device, a window or a lazy load holds its address. What it answers may be
///   stale the next moment.
/// - `move(from, to, order)`: both are starts of 2^order frames, `to` is the caller's and nobody uses it.
///   After `ok` the data are in `to`, whoever pointed at `from` points at `to`, no write was lost, and
///   nobody uses `from` or has it mapped. After any error all is as before and nobody has seen `to`: `busy`
///   for a block that is pinned or gone by now, or whose devices object; `unreadable` for a memory error in
///   `from`; else the user's own. A mover whose users' writes it cannot hold back says so in its comment.
///
/// Both may sleep if the mover's comment says so, and are called with no guard held.
template <class M>
concept frame_mover = requires(M mover, frame<typename M::space> f, unsigned order) {
    { mover.block_of(f) } -> std::same_as<result<used_block<typename M::space>>>;
    { mover.move(f, f, order) } -> std::same_as<errc>;
};

}  // namespace ashlar
