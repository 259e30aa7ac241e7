// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/evacuation.hpp>
#include <ashlar/migrate/move_block.hpp>
#include <ashlar/migrate/pageblock_fill.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// What a compaction has come to.
struct compaction_report {
    std::uint64_t moved = 0;    ///< frames
    std::uint64_t emptied = 0;  ///< pageblocks that became free as a whole
    std::uint64_t kept = 0;     ///< pageblocks that hold what does not move, as far as they were looked at
};

/// Makes whole free blocks by moving what is in the way (Linux: memory compaction). The emptiest pageblocks
/// give up what they hold, the fullest ones take it, frame by frame, so that each move counts; Linux's two
/// scanners move whatever they meet first.
///
/// - Words: 16 bits for each pageblock of the range, a picture of how full it is. `survey` takes it; it may
///   grow old without harm.
/// - Before the first block of a pageblock moves, all of it is looked at: one with anything in it that is
///   pinned, that no user of the mover's has, or that reaches out of it, is left alone, and is the first to
///   be filled.
/// - Protocol: the verbs of the contract only; others allocate and free meanwhile. A place in a full
///   pageblock is taken by `allocate_at`, whatever its mobility class. One compaction of a range at a time.
/// - Complexity: a pass over the free frames, then for each pageblock emptied a look at its frames, and as
///   many moves as frames were in use; finding the next one is a scan of the words at each of `order`
///   levels.
/// - Context: thread, no guard held; as the mover.
/// - Failure: what does not move stays where it is; see the verbs.
/// - Source: Linux mm/compaction.c for what is done, not for how.
///
/// Example:
/// ```
/// std::uint16_t words[ashlar::compaction<memory>::words(bank)];
/// ashlar::compaction<memory> whole(ram, bank, words);
/// whole.survey();
/// while (whole.compact(mover, 256) == ashlar::errc::limit) {
///     // 256 frames were moved: time for something else
/// }
/// const auto huge = whole.make_block(12, mover);     // one block of 2^12 frames, if there are movable ones
/// in its way
/// ```
template <class Source, unsigned Order = Source::isolation_order>
class compaction {
    static_assert(free_checking_source<Source>,
                  "compaction<Source>: Source must tell which frames are in use: would_free(frame, order)");
    static_assert(
        Order >= Source::isolation_order && Order < 15,
        "compaction<Source, Order>: a pageblock is at least what can be isolated, and below 2^15 frames");

 public:
    using space = typename Source::space;

    /// 16-bit words for a range.
    [[nodiscard]] static constexpr std::size_t words(range<space> frames) noexcept {
        return fill::words(frames);
    }

    /// Of as many pageblocks from the first frame's on as there are words.
    constexpr compaction(Source& source, range<space> frames, view<std::uint16_t> words) noexcept
        : source_(source), fill_(frames, words.subview(0, fill::words(frames))), current_(source) {}
    compaction(const compaction&) = delete;
    compaction& operator=(const compaction&) = delete;

    /// Looks how full each pageblock is. What CPUs hold in their slots counts as used, so they drain first.
    constexpr void survey() noexcept {
        current_.end();
        if constexpr (cpu_local<typename Source::platform_type>) {
            Source::platform_type::on_each_cpu([this]() noexcept { source_.drain(); });
        } else {
            source_.drain();
        }
        fill_.survey(source_);
        sources_ = {};
        targets_ = {};
    }

    /// Empties pageblocks as long as that makes whole ones; at most `budget` frames are moved. `ok`: there is
    /// no more to gain. `limit`: the budget is spent, call again.
    template <class Mover>
    constexpr errc compact(Mover& mover,
                           std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) noexcept {
        while (!current_.frames().empty() || begin_next(mover)) {
            if (budget == 0) return errc::limit;
            const std::uint64_t before = current_.report().moved;
            fullest to{*this};
            // Each look moves one block at least or is over soon: the budget is one of moves.
            const errc answer =
                current_.evacuate(to, mover, fill::block_frames < budget ? fill::block_frames : budget);
            const std::uint64_t moved = current_.report().moved - before;
            report_.moved += moved;
            fill_.note(current_.frames().first, 0 - moved);
            budget -= moved < budget ? moved : budget;
            if (answer == errc::limit) continue;
            if (answer == errc::ok) {
                ++report_.emptied;
                // Whatever its owners freed meanwhile: nothing is left.
                fill_.note(current_.frames().first, 0 - fill_.used(emptying_));
            } else {
                fill_.keep(emptying_);
                ++report_.kept;
            }
            current_.end();
        }
        return errc::ok;
    }

    /// A block of 2^order frames that is the caller's, made where the fewest frames are in its way, of at
    /// most `attempts` places. `exhausted`: there is no place from which all can be moved, or no room to move
    /// it to. `unsupported` for an order that the source does not have, `invalid` while `compact` is not
    /// through.
    template <class Mover>
    constexpr result<frame<space>> make_block(unsigned order, Mover& mover, unsigned attempts = 8) noexcept {
        if (order > Source::top_order) return errc::unsupported;
        if (!current_.frames().empty()) return errc::invalid;
        request<space> wanted{.order = order, .mobility = mobility::movable};
        if (const auto free = source_.allocate(wanted)) return free;
        for (; attempts != 0; --attempts) {
            const range<space> place =
                order >= Order ? cheapest_blocks(mover, order) : cheapest_part(mover, order);
            if (place.empty()) return errc::exhausted;
            if (clear(place, mover)) return place.first;
            keep(place);
        }
        return errc::exhausted;
    }

    [[nodiscard]] constexpr compaction_report report() const noexcept { return report_; }

 private:
    using fill = detail::pageblock_fill<space, Order>;

    /// A scan of the pageblocks, again and again, each time with a larger bound.
    struct scan {
        std::size_t next = 0;
        std::uint64_t bound = 1;
    };
    /// The next pageblock for which `measure(index)` is from 1 to the bound; `size` if there is none.
    template <class Measure>
    [[nodiscard]] constexpr std::size_t next_of(scan& at, Measure&& measure) noexcept {
        for (;; at = {0, at.bound * 2}) {
            for (; at.next < fill_.size(); ++at.next) {
                const std::uint64_t measured = measure(at.next);
                if (measured != 0 && measured <= at.bound) return at.next;
            }
            if (at.bound >= fill::block_frames) return fill_.size();
        }
    }

    /// Isolates the emptiest pageblock that can be emptied into others; false if there is none.
    template <class Mover>
    constexpr bool begin_next(Mover& mover) noexcept {
        for (;;) {
            emptying_ = next_of(sources_, [this](std::size_t i) noexcept {
                const std::uint64_t used = fill_.used(i);
                return fill_.can_be_emptied(i) && used < fill::block_frames ? used : 0;
            });
            if (emptying_ == fill_.size()) return false;
            const std::uint64_t used = fill_.used(emptying_);
            // What it has to take in has to fit beside it.
            if (fill_.room() - (fill::block_frames - used) < used) return false;
            if (is_movable(fill_.frames_of(emptying_), mover) &&
                current_.begin(fill_.frames_of(emptying_)) == errc::ok) {
                return true;
            }
            current_.end();
            fill_.keep(emptying_);
            ++report_.kept;
        }
    }

    /// True if each frame of a range is free, or of a block within it that the mover moves.
    template <class Mover>
    [[nodiscard]] constexpr bool is_movable(range<space> frames, Mover& mover) noexcept {
        for (frame<space> f = frames.first; f < frames.end();) {
            const auto found = detail::block_in_use<Source>(mover, f);
            if (!found && found.error() != errc::not_owned) return false;
            if (!found && source_.would_free(f, 0) != errc::double_free) return false;
            if (found && !frames.contains(block(found->first, found->order))) return false;
            f = found ? block(found->first, found->order).end() : f + 1;
        }
        return true;
    }

    /// Places in the fullest pageblocks, that being emptied apart.
    struct fullest {
        compaction& of;

        constexpr result<frame<space>> take(used_block<space> from) noexcept {
            bool again = false;
            for (;;) {
                const std::size_t to = of.next_of(of.targets_, [this](std::size_t i) noexcept {
                    const std::uint64_t used = of.fill_.used(i);
                    const bool fuller = used >= of.fill_.used(of.emptying_) || !of.fill_.can_be_emptied(i);
                    return i != of.emptying_ && used != 0 && fuller ? fill::block_frames - used : 0;
                });
                if (to == of.fill_.size() && again) return errc::exhausted;
                if (to == of.fill_.size()) {
                    of.targets_ = {};
                    again = true;
                    continue;
                }
                if (to != of.target_) of.place_ = 0;
                of.target_ = to;
                const range<space> frames = of.fill_.frames_of(to);
                for (; of.place_ < frames.count; of.place_ += std::uint64_t{1} << from.order) {
                    of.place_ = (of.place_ + (std::uint64_t{1} << from.order) - 1) >> from.order
                                                                                          << from.order;
                    const range<space> place = block(frames.first + of.place_, from.order);
                    if (!frames.contains(place) || of.source_.allocate_at(place) != errc::ok) continue;
                    of.fill_.note(place.first, place.count);
                    return place.first;
                }
                of.place_ = 0;
                ++of.targets_.next;
            }
        }
        constexpr errc give_back(frame<space> unused, unsigned order) noexcept {
            of.fill_.note(unused, 0 - (std::uint64_t{1} << order));
            return of.source_.free(unused, order);
        }
    };

    /// The aligned run of pageblocks with the fewest frames in use, all of them movable; empty if there is
    /// none.
    template <class Mover>
    [[nodiscard]] constexpr range<space> cheapest_blocks(Mover& mover, unsigned order) noexcept {
        const std::size_t many = std::size_t{1} << (order - Order);
        for (;;) {
            range<space> best{};
            std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
            std::size_t first =
                static_cast<std::size_t>((0 - (fill_.frames_of(0).first.number >> Order)) & (many - 1));
            for (; first + many <= fill_.size(); first += many) {
                std::uint64_t used = 0;
                for (std::size_t i = first; i < first + many && used != blocked; ++i) {
                    used = fill_.can_be_emptied(i) ? used + fill_.used(i) : blocked;
                }
                if (used >= least) continue;
                least = used;
                best = {fill_.frames_of(first).first, many << Order};
            }
            if (least == blocked) return {};
            if (best.empty() || is_movable(best, mover)) return best;
            keep(best);
        }
    }
    /// The same within a pageblock, of the pageblock with the most room.
    template <class Mover>
    [[nodiscard]] constexpr range<space> cheapest_part(Mover& mover, unsigned order) noexcept {
        for (;;) {
            std::size_t emptiest = fill_.size();
            for (std::size_t i = 0; i < fill_.size(); ++i) {
                if (!fill_.can_be_emptied(i) || fill_.used(i) == fill::block_frames) continue;
                if (emptiest == fill_.size() || fill_.used(i) < fill_.used(emptiest)) emptiest = i;
            }
            if (emptiest == fill_.size()) return {};
            const range<space> all = fill_.frames_of(emptiest);
            range<space> best{};
            std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
            for (std::uint64_t at = 0; at < all.count; at += std::uint64_t{1} << order) {
                const range<space> part = block(all.first + at, order);
                std::uint64_t used = 0;
                for (std::uint64_t i = 0; i < part.count; ++i) {
                    used += source_.would_free(part.first + i, 0) == errc::ok ? 1 : 0;
                }
                if (used < least && is_movable(part, mover)) {
                    least = used;
                    best = part;
                }
            }
            if (!best.empty()) return best;
            fill_.keep(emptiest);
        }
    }
    /// Moves what is in a range elsewhere, and takes it.
    template <class Mover>
    [[nodiscard]] constexpr bool clear(range<space> place, Mover& mover) noexcept {
        if (current_.begin(place) != errc::ok) {
            current_.end();
            return false;
        }
        allocated_destination<Source> anywhere{source_, {.mobility = mobility::movable}};
        const errc emptied = current_.evacuate(anywhere, mover);
        report_.moved += current_.report().moved;
        const bool taken = emptied == errc::ok && source_.allocate_at(place) == errc::ok;
        current_.end();
        return taken;
    }
    constexpr void keep(range<space> frames) noexcept {
        for (std::uint64_t at = 0; at < frames.count; at += fill::block_frames) {
            const std::uint64_t index =
                ((frames.first.number + at) >> Order) - (fill_.frames_of(0).first.number >> Order);
            fill_.keep(static_cast<std::size_t>(index));
        }
    }

    static constexpr std::uint64_t blocked = std::numeric_limits<std::uint64_t>::max();

    Source& source_;
    fill fill_;
    evacuation<Source> current_;
    std::size_t emptying_ = 0;
    scan sources_{};
    scan targets_{};
    std::size_t target_ = 0;
    std::uint64_t place_ = 0;  ///< frames of the pageblock being filled that were looked at
    compaction_report report_{};
};

}  // namespace ashlar
