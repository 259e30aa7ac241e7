// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// A DMA engine, the user's driver of one channel.
///
/// - `start(from, to, part)`: begins to copy; any other answer than `ok` ends the move.
/// - `poll()`: `busy` while it is at it; then how far it came, and `ok`, `unreadable` or its own error. What
///   is done is visible to the caller's CPU. It says `busy` finitely often: a time-out is its own error.
/// - `stop()`: returns when the engine writes no more.
template <class E>
concept dma_engine = requires(E engine, frame<machine> from, frame<machine> to, frame_part part) {
    { engine.start(from, to, part) } -> std::same_as<errc>;
    { engine.poll() } -> std::same_as<copy_result>;
    engine.stop();
};

/// A `part_copier` that has a DMA engine do it. A step of a migration begins a copy and answers `more`; the
/// next one finds it done or not, so nobody waits: the caller sleeps, or returns from its SMI, in between.
/// Whole migrations (`migrate`, `restore`) poll.
///
/// ```
/// my_channel channel;
/// ashlar::migration<my_platform, table, pool, ashlar::trap_and_retry, path, ashlar::dma_copy<my_channel>>
///     mover(remaps, spares, path, told, book, lost, {}, ashlar::dma_copy(channel));
/// ```
template <dma_engine Engine>
class dma_copy {
 public:
    constexpr explicit dma_copy(Engine& engine) noexcept : engine_(&engine) {}

    copy_result operator()(frame<machine> from, frame<machine> to, frame_part part) noexcept {
        const bool same = from == from_ && to == to_ && part.offset == part_.offset;
        if (busy_ && !same) cancel();
        if (!busy_) {
            if (const errc refused = engine_->start(from, to, part); refused != errc::ok) return {0, refused};
            busy_ = true;
            from_ = from;
            to_ = to;
            part_ = part;
        }
        const copy_result got = engine_->poll();
        if (got.error == errc::busy) return {0, errc::busy};
        busy_ = false;
        if (got.done >= part.count) return {part.count, errc::ok};
        // What was begun when less was asked for.
        if (got.error == errc::ok) return {got.done, errc::busy};
        return got;
    }
    /// Returns when nothing is written any more.
    void cancel() noexcept {
        if (busy_) engine_->stop();
        busy_ = false;
    }

 private:
    Engine* engine_;
    bool busy_ = false;
    frame<machine> from_{};
    frame<machine> to_{};
    frame_part part_{};
};

}  // namespace ashlar
