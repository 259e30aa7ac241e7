// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/migrate/isolated_range.hpp>
#include <ashlar/migrate/move_block.hpp>
#include <cstdint>
#include <limits>

namespace ashlar {

/// What an evacuation has come to, in frames. Those that its last pass met in use and that stay are `pinned`,
/// `failed` (the mover said why: `reason`, or there was no room) or `foreign` (no user is known to the
/// mover).
struct evacuation_report {
    std::uint64_t moved = 0;  ///< of all passes; those of a block that reaches out of the range, too
    std::uint64_t pinned = 0;
    std::uint64_t failed = 0;
    std::uint64_t foreign = 0;
    std::uint64_t left = 0;  ///< in use for all that is known: those above, and what was not looked at yet
    errc reason = errc::ok;  ///< of the last block that failed
};

/// Empties a range of frames: what is in use moves elsewhere, nothing new comes (Linux: offline_pages,
/// alloc_contig_range). After `evacuate` said `ok` the frames are free and isolated: `offline` takes them
/// off, `allocate_at` takes them as a block, `end` lets them be handed out again.
///
/// - It can stop after every block, go on later, begin another pass over what stayed, or be ended: what was
///   moved stays moved, and no frame is lost.
/// - Isolation is by whole units of 2^isolation_order frames: `begin` isolates those that the range
///   touches. Each is isolated by one caller at a time: `busy` if one is already (where the source tells).
/// - Protocol: the verbs of the contract only; others allocate and free meanwhile. A frame that somebody
///   takes before it is isolated is met in use, and moves. One caller for each evacuation.
/// - Complexity: for each frame one question to the mover, and one to the source if nobody is known to use
///   it.
/// - Context: thread, no guard held; as the mover and the destination.
/// - Failure: see `evacuate`.
/// - Source: Linux memory hotplug (mm/memory_hotplug.c, mm/page_isolation.c) for the order of its steps.
///
/// Example:
/// ```
/// ashlar::evacuation<memory> emptied(ram);
/// (void)emptied.begin(dimm);
/// ashlar::allocated_destination<memory> anywhere{ram};
/// while (emptied.evacuate(anywhere, mover, 512) == ashlar::errc::limit) {
///     // the budget is spent: time for something else
/// }
/// const std::uint64_t in_use = emptied.report().left;    // 0: now it can go off line
/// ```
template <class Source>
class evacuation {
    static_assert(free_checking_source<Source>,
                  "evacuation<Source>: Source must tell which frames are in use: would_free(frame, order)");

 public:
    using space = typename Source::space;

    constexpr explicit evacuation(Source& source) noexcept : source_(source) {}
    evacuation(const evacuation&) = delete;
    evacuation& operator=(const evacuation&) = delete;

    /// Isolates. `busy` if begun, or if a CPU still holds frames (call again); else as `isolate`: nothing is
    /// isolated then.
    constexpr errc begin(range<space> frames) noexcept {
        if (!frames_.empty()) return errc::busy;
        if (const errc refused = isolated_.isolate(source_, frames); refused != errc::ok) return refused;
        frames_ = frames;
        report_ = {};
        restart();
        return errc::ok;
    }
    /// Moves what is in use, and looks at up to `budget` frames (a block that is moved is looked at as a
    /// whole). `ok`: the whole range was looked at, and nothing in it is in use. `limit`: the budget is
    /// spent, call again. `busy`: all was looked at and some frames stay; see the report, `restart`, call
    /// again. `exhausted`, or what else the destination says: it has no room for a single frame, call again
    /// when there is. `invalid`: not begun.
    template <class Destination, class Mover>
    constexpr errc evacuate(Destination&& destination, Mover& mover,
                            std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) noexcept {
        if (frames_.empty()) return errc::invalid;
        while (next_ < frames_.end()) {
            if (budget == 0) return errc::limit;
            const auto found = detail::block_in_use<Source>(mover, next_);
            std::uint64_t seen = 1;
            if (found) {
                seen = rest_of(*found);
                const auto moved = detail::move_block(source_, *found, destination, mover);
                if (moved.no_room && found->order == 0) return moved.error;
                note(moved, std::uint64_t{1} << found->order, seen);
            } else if (found.error() == errc::not_owned) {
                if (source_.would_free(next_, 0) == errc::ok) ++report_.foreign;
            } else if (found.error() == errc::busy) {
                ++report_.pinned;
            } else {
                ++report_.failed;
                report_.reason = found.error();
            }
            next_ = next_ + seen;
            budget -= seen < budget ? seen : budget;
        }
        return report().left == 0 ? errc::ok : errc::busy;
    }
    /// Another pass, from the first frame on.
    constexpr void restart() noexcept {
        next_ = frames_.first;
        report_.pinned = report_.failed = report_.foreign = 0;
        report_.reason = errc::ok;
    }
    /// Readmits, whatever stands; the report stays until the next `begin`.
    constexpr void end() noexcept {
        isolated_.readmit(source_);
        report_ = report();
        frames_ = {};
        next_ = {};
    }
    [[nodiscard]] constexpr evacuation_report report() const noexcept {
        evacuation_report told = report_;
        if (!frames_.empty()) {
            told.left = frames_.end().number - next_.number + told.pinned + told.failed + told.foreign;
        }
        return told;
    }
    [[nodiscard]] constexpr range<space> frames() const noexcept { return frames_; }

 private:
    /// Frames of a block from the next one on, up to the end of the range.
    [[nodiscard]] constexpr std::uint64_t rest_of(used_block<space> found) const noexcept {
        return block(found.first, found.order).clipped_to(range<space>::between(next_, frames_.end())).count;
    }
    constexpr void note(detail::move_outcome moved, std::uint64_t frames, std::uint64_t seen) noexcept {
        if (moved.error == errc::ok) {
            report_.moved += frames;
        } else if (moved.error == errc::busy && !moved.no_room) {
            report_.pinned += seen;
        } else {
            report_.failed += seen;
            report_.reason = moved.error;
        }
    }

    Source& source_;
    range<space> frames_{};
    frame<space> next_{};
    isolated_range<space> isolated_{};
    evacuation_report report_{};
};

}  // namespace ashlar
