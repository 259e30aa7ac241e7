// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/oracle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lab/replay/judge.hpp"
#include "lab/replay/lifetimes.hpp"
#include "lab/replay/whole_pageblocks.hpp"

namespace lab {
namespace {

constexpr unsigned block_order = block_usage::block_order;
constexpr std::uint64_t block_frames = block_usage::block_frames;

/// Which frames of a pageblock are free.
class frame_bits {
 public:
    frame_bits() { rows_.fill(~std::uint64_t{0}); }

    /// Where a naturally aligned block of this order is free.
    [[nodiscard]] std::optional<std::uint64_t> find(unsigned order) const {
        const std::uint64_t frames = std::uint64_t{1} << order;
        for (std::uint64_t at = 0; at < block_frames;) {
            const std::uint64_t rest = rows_[at / 64] >> (at % 64);
            if (rest == 0) {
                at = (at / 64 + 1) * 64;
            } else if (const auto skipped = static_cast<unsigned>(std::countr_zero(rest)); skipped != 0) {
                at += skipped;
            } else if (at % frames == 0 && are_free(at, frames)) {
                return at;
            } else {
                at = (at / frames + 1) * frames;
            }
        }
        return std::nullopt;
    }
    void flip(std::uint64_t offset, std::uint64_t frames) {
        for (std::uint64_t i = offset; i < offset + frames; ++i)
            rows_[i / 64] ^= std::uint64_t{1} << (i % 64);
    }

 private:
    [[nodiscard]] bool are_free(std::uint64_t offset, std::uint64_t frames) const {
        const std::uint64_t bits = frames >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << frames) - 1;
        for (std::uint64_t i = offset; i < offset + frames; i += 64) {
            if ((rows_[i / 64] >> (i % 64) & bits) != bits) return false;
        }
        return true;
    }

    std::array<std::uint64_t, block_frames / 64> rows_{};
};

/// Pageblocks by number, and until when each is in use.
class placement_by_end {
 public:
    explicit placement_by_end(std::size_t blocks) : blocks_(blocks) {
        for (std::size_t i = 0; i < blocks; ++i) free_.insert(i);
    }

    /// The first frame of a block that lives from `now` to `end`, counted from that of the first pageblock.
    [[nodiscard]] std::optional<std::uint64_t> place(unsigned order, std::size_t now, std::size_t end) {
        if (order >= block_order) return place_whole(std::size_t{1} << (order - block_order), end);
        const auto joined = cheapest(order, end);
        const double alone = static_cast<double>(block_frames) * time_between(now, end);
        // Infinite is what for ever costs, whatever it is compared with.
        const bool cheap = joined && joined->cost <= alone / 3 && std::isfinite(joined->cost);
        if (cheap || (joined && free_.empty())) return take(joined->number, joined->offset, order, end);
        if (free_.empty()) return std::nullopt;
        // From the other end than where large blocks are looked for.
        return take(*free_.rbegin(), 0, order, end);
    }

    void free(std::uint64_t first, std::uint64_t frames) {
        for (const std::uint64_t past = first + frames; first < past;) {
            const std::size_t number = first / block_frames;
            pageblock& block = blocks_[number];
            const std::uint64_t count = std::min(past - first, block_frames - first % block_frames);
            block.bits.flip(first % block_frames, count);
            block.used -= count;
            if (block.used == 0) {
                by_end_.erase({block.end, number});
                block.end = 0;
                free_.insert(number);
            }
            first += count;
        }
    }

 private:
    struct pageblock {
        frame_bits bits;
        std::uint64_t used = 0;
        std::size_t end = 0;  ///< of the block in it that ends last
    };
    struct room {
        std::size_t number;
        std::uint64_t offset;
        double cost;  ///< frames that are of no use to a larger block, times how long
    };

    [[nodiscard]] static double time_between(std::size_t from, std::size_t to) {
        if (from == to) return 0;
        return to == for_ever ? std::numeric_limits<double>::infinity() : static_cast<double>(to - from);
    }

    /// Of the pageblocks in use that have room: one that ends later keeps a hole where the block was, one
    /// that ends earlier is kept in use for its sake.
    [[nodiscard]] std::optional<room> cheapest(unsigned order, std::size_t end) const {
        std::optional<room> best;
        const auto found = [&](const std::pair<std::size_t, std::size_t>& place, double cost) {
            if (best && cost >= best->cost) return true;  // so are all further on
            const auto offset = blocks_[place.second].bits.find(order);
            if (offset) best = {place.second, *offset, cost};
            return offset.has_value();
        };
        const double hole = static_cast<double>(std::uint64_t{1} << order);
        const auto middle = by_end_.lower_bound({end, 0});
        for (auto at = middle; at != by_end_.end() && !found(*at, hole * time_between(end, at->first));) ++at;
        for (auto at = middle; at != by_end_.begin();) {
            --at;
            if (found(*at, static_cast<double>(block_frames) * time_between(at->first, end))) break;
        }
        return best;
    }

    [[nodiscard]] std::optional<std::uint64_t> place_whole(std::size_t count, std::size_t end) {
        for (auto at = free_.begin(); at != free_.end();) {
            const std::size_t first = (*at + count - 1) / count * count;
            at = free_.lower_bound(first);
            std::size_t there = 0;
            while (there < count && at != free_.end() && *at == first + there) ++at, ++there;
            if (there != count) continue;
            for (std::size_t i = 0; i < count; ++i) (void)take(first + i, 0, block_order, end);
            return first * block_frames;
        }
        return std::nullopt;
    }

    std::uint64_t take(std::size_t number, std::uint64_t offset, unsigned order, std::size_t end) {
        pageblock& block = blocks_[number];
        if (block.used == 0) {
            free_.erase(number);
        } else {
            by_end_.erase({block.end, number});
        }
        block.bits.flip(offset, std::uint64_t{1} << order);
        block.used += std::uint64_t{1} << order;
        block.end = std::max(block.end, end);
        by_end_.insert({block.end, number});
        return number * block_frames + offset;
    }

    std::vector<pageblock> blocks_;
    std::set<std::pair<std::size_t, std::size_t>> by_end_;  ///< those in use: end, number
    std::set<std::size_t> free_;
};

}  // namespace

void show_oracle(const replay_input& input, observer& watch) {
    const std::vector<std::uint64_t> firsts = whole_pageblocks_of(input.on);
    const std::vector<std::size_t> ends = ends_of_life(input.trace);
    placement_by_end places(firsts.size());
    std::vector<std::uint64_t> slots(input.trace.slots, no_frame);
    const auto for_pieces = [&](std::uint64_t first, std::uint64_t frames, auto visit) {
        for (const std::uint64_t past = first + frames; first < past;) {
            const std::uint64_t offset = first % block_frames;
            const std::uint64_t count = std::min(past - first, block_frames - offset);
            visit(ashlar::range<>{{firsts[first / block_frames] + offset}, count});
            first += count;
        }
    };
    for (std::size_t i = 0; i < input.trace.steps.size(); ++i) {
        const operation& step = input.trace.steps[i];
        const std::uint64_t frames = std::uint64_t{1} << step.order;
        std::uint64_t& slot = slots[step.slot];
        if (step.what == trace_event::action::allocate) {
            slot = places.place(step.order, i, ends[i]).value_or(no_frame);
            if (slot == no_frame) {
                watch.failed(step);
            } else {
                for_pieces(slot, frames, [&](ashlar::range<> piece) { watch.allocated(step, piece, false); });
            }
        } else if (slot != no_frame) {
            places.free(slot + step.offset, frames);
            for_pieces(slot + step.offset, frames, [&](ashlar::range<> piece) { watch.freed(step, piece); });
        }
        watch.stepped();
    }
}

figures oracle_figures(const replay_input& input) {
    judge watching(std::string(oracle_name), input);
    show_oracle(input, watching);
    figures told;
    told.composition = oracle_name;
    told.oracle = true;
    told.failures = watching.verdict().failures;
    told.whole_blocks_share = watching.verdict().whole_blocks_share;
    return told;
}

}  // namespace lab
