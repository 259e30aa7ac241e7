// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// Frames of the operating system whose bytes are on their way: those of `origins.first + i` to `target + i`.
struct frame_move {
    range<os> origins{};
    frame<machine> target{};

    [[nodiscard]] friend constexpr bool operator==(const frame_move&, const frame_move&) noexcept = default;
};

/// The way by which accesses of the operating system reach the bytes: what a migration holds writes back by,
/// and switches. Either every access consults the table (`consulting_path`), or a page table, an IOMMU, a
/// memory slot of a virtual machine is changed (the user's own).
///
/// - `hold(move)`: from its return to `release` no write reaches the origins; who writes is made to try again
///   later (US9600202: trap and retry). No write that began before is still under way. Reads go on. The
///   caller's own copy is no access of this path.
/// - `point(origin, target)`: from its return accesses go to `target`, where the same bytes are; writes are
///   still held. Called after the table says so; `target` may be the frame of the origin's own number. On
///   failure all is as before, and frames that were pointed before are pointed back.
/// - `release(move)`: writes go on. Returns when nobody uses an older way any more: what was the origin's
///   place may be given away. Called once, at the end of every move that `hold`, `track` or `split` began.
///
/// All with no guard held, one caller. Errors are the path's own; `busy` if trying again may help.
template <class A>
concept access_path = requires(A path, const frame_move& move, frame<os> origin, frame<machine> target) {
    { path.hold(move) } -> std::same_as<errc>;
    { path.point(origin, target) } -> std::same_as<errc>;
    path.release(move);
};

/// A path that can tell which lines were written, as `dirty_recopy` needs (a dirty log, dirty bits).
///
/// - `track(move)`: from its return on every write to the origins is told, no later than by the `hold` that
///   follows; writes go on.
/// - `take_dirty(group)`: bit i is set if line 32 * group + i of the move, in lines of `line_bytes` from the
///   first byte of `origins.first` on, may have been written since the last answer; it is told once. What was
///   written before the bit was set can be read by the caller. After `hold`: complete.
template <class A>
concept tracking_path = access_path<A> && requires(A path, const frame_move& move, std::uint64_t group) {
    { path.track(move) } -> std::same_as<errc>;
    { path.take_dirty(group) } -> std::same_as<std::uint32_t>;
};

/// A path that sends accesses below a cursor to the copy, and those above it to the source, as `copy_cursor`
/// needs. Positions are lines of the move.
///
/// - `split(move, stride)`: the cursor is 0: all accesses go to the source.
/// - `lock(line)`: `line` is where the cursor is. From its return on nobody writes the `stride` lines from it
///   on, who tries is made to try again; other accesses go on.
/// - `pass(line)`: the cursor goes up to `line`, the end of what was locked: the copy has the lines below.
/// - `lock_back(line)`: `line` is where the cursor goes down to, a `stride` away or, from the end of the
///   move, less. From its return on nobody writes the lines between; they are read from the copy.
/// - `pass_back(line)`: the source has the lines from it on.
template <class A>
concept splitting_path = access_path<A> &&
    requires(A path, const frame_move& move, std::uint64_t line, std::uint32_t stride) {
    { path.split(move, stride) } -> std::same_as<errc>;
    path.lock(line);
    path.pass(line);
    path.lock_back(line);
    path.pass_back(line);
};

}  // namespace ashlar
