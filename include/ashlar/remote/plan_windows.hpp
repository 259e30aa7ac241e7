// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/block_rules.hpp>
#include <ashlar/remote/check_descriptor.hpp>
#include <ashlar/remote/window_descriptor.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A window of a plan: `number` among the direct windows, or among the slices, and the block it is to show.
struct planned_window {
    byte_range<peer> block{};
    window_kind kind = window_kind::direct;
    std::uint32_t number = 0;
};

/// What of a bridge a plan may use.
struct window_budget {
    std::uint32_t windows = ~std::uint32_t{0};
    std::uint32_t slices = ~std::uint32_t{0};
};

/// Direct windows that a plan uses at most; a bridge with more is planned with these.
inline constexpr std::uint32_t planned_windows_at_most = 16;

namespace detail {

/// Finds the fewest windows. How far `first` uses of window 0, `others` of the other direct windows and
/// `slices` of the table reach together does not depend on more than these numbers, and further is never
/// worse: so the table of what they reach is filled row by row (slices), and only how each was reached is
/// kept, two bits each, in the caller's array: entry i has row i. The plan is then written from its end,
/// over rows that are not needed any more.
class window_search {
    static constexpr std::uint32_t columns = 2 * (planned_windows_at_most + 1);  // {others, first}
    enum step : std::uint64_t { none, by_other, by_first, by_slice };

 public:
    constexpr window_search(const window_descriptor& d, window_budget budget, byte_range<peer> wanted,
                            view<const byte_range<peer>> memory, view<planned_window> out) noexcept
        : d_(d), wanted_(wanted), memory_(memory), out_(out) {
        std::uint32_t direct = d.windows < budget.windows ? d.windows : budget.windows;
        if (direct > planned_windows_at_most) direct = planned_windows_at_most;
        // Only window 0 differs, if any does.
        first_ = direct != 0 && slice_area(d) != 0 ? 1 : 0;
        others_ = direct - first_;
        slices_ = d.slices < budget.slices ? d.slices : budget.slices;
        bounded_ = direct < d.windows || slices_ < d.slices || out.size() < slices_;
    }

    constexpr result<std::size_t> run() noexcept {
        // Where the first byte to be shown is: `position::at`, or all are shown.
        position row[columns] = {};
        const position start = next(wanted_.first.value);
        if (start.done) return std::size_t{0};
        row[0] = start;
        std::uint64_t least = ~std::uint64_t{0};
        std::uint32_t best_slices = 0;
        std::uint32_t best_column = 0;
        for (std::uint32_t used = 0; used <= slices_ && used < least && used <= out_.size(); ++used) {
            std::uint64_t rows[2] = {};
            for (std::uint32_t column = 0; column < 2 * (others_ + 1); ++column) {
                const std::uint32_t others = column / 2;
                const std::uint32_t first = column % 2;
                if (first > first_) continue;
                position here{};
                step how = none;
                if (used == 0 && column == 0) {
                    here = start;
                } else {
                    // A row holds what the row before it reached until it is overwritten, left to right.
                    if (used != 0) take(here, how, row[column], window_kind::slice, 0, by_slice);
                    if (others != 0) take(here, how, row[column - 2], window_kind::direct, 1, by_other);
                    if (first != 0) take(here, how, row[column - 1], window_kind::direct, 0, by_first);
                }
                row[column] = here;
                rows[column / 32] |= std::uint64_t{how} << (2 * (column % 32));
                const std::uint64_t count = std::uint64_t{used} + others + first;
                if (here.done && count < least) {
                    least = count;
                    best_slices = used;
                    best_column = column;
                }
            }
            if (used < out_.size()) out_[used].block = {{rows[0]}, rows[1]};
        }
        if (least == ~std::uint64_t{0}) return why_not();
        if (least > out_.size()) return errc::limit;
        write(best_slices, best_column);
        return static_cast<std::size_t>(least);
    }

 private:
    struct position {
        std::uint64_t at = 0;
        bool reached = false;
        bool done = false;

        [[nodiscard]] constexpr bool beyond(position other) const noexcept {
            if (!other.reached || done) return reached && !other.done;
            return reached && !other.done && at > other.at;
        }
    };

    [[nodiscard]] constexpr block_rules rules(window_kind kind, std::uint32_t window) const noexcept {
        const std::uint64_t most = kind == window_kind::slice ? slice_size(d_) : window_size(d_, window);
        return {d_, kind, most};
    }
    /// The first byte from `at` on that has to be shown.
    [[nodiscard]] constexpr position next(std::uint64_t at) const noexcept {
        const position all{0, true, true};
        if (at > wanted_.last().value) return all;
        if (memory_.empty()) return {at, true, false};
        position found = all;
        for (const byte_range<peer>& each : memory_) {
            if (each.empty() || each.last().value < at) continue;
            const std::uint64_t from = each.first.value > at ? each.first.value : at;
            if (from <= wanted_.last().value && (found.done || from < found.at)) found = {from, true, false};
        }
        return found;
    }
    [[nodiscard]] constexpr position after(position before, window_kind kind,
                                           std::uint32_t window) const noexcept {
        if (before.done) return before;
        const byte_range<peer> block = rules(kind, window).furthest(before.at);
        if (block.empty()) return {};
        return block.end().value == 0 ? position{0, true, true} : next(block.end().value);
    }
    constexpr void take(position& here, step& how, position before, window_kind kind, std::uint32_t window,
                        step by) const noexcept {
        if (!before.reached) return;
        const position there = after(before, kind, window);
        if (there.reached && there.beyond(here)) {
            here = there;
            how = by;
        }
    }
    [[nodiscard]] constexpr step how(std::uint32_t used, std::uint32_t column) const noexcept {
        const byte_range<peer>& rows = out_[used].block;
        const std::uint64_t word = column < 32 ? rows.first.value : rows.bytes;
        return static_cast<step>(word >> (2 * (column % 32)) & 3);
    }
    /// Kinds and numbers from the end, then blocks from the start.
    constexpr void write(std::uint32_t used, std::uint32_t column) const noexcept {
        std::uint32_t count = used + column / 2 + column % 2;
        const std::uint32_t total = count;
        while (count != 0) {
            const step by = column == 0 ? by_slice : how(used, column);
            --count;
            planned_window& each = out_[count];
            if (by == by_slice) {
                each = {{}, window_kind::slice, --used};
            } else if (by == by_first) {
                each = {{}, window_kind::direct, 0};
                column -= 1;
            } else {
                column -= 2;
                each = {{}, window_kind::direct, first_ + column / 2};
            }
        }
        position here = next(wanted_.first.value);
        for (std::uint32_t i = 0; i < total && !here.done; ++i) {
            planned_window& each = out_[i];
            const block_rules by = rules(each.kind, each.number);
            each.block = by.furthest(here.at);
            const position there = after(here, each.kind, each.number);
            if (there.done) {
                // The last one need not be larger than what is left.
                const byte_range<peer> fitting = by.smallest(here.at, last_needed(each.block));
                if (!fitting.empty()) each.block = fitting;
            }
            here = there;
        }
    }
    /// The last byte of a block that has to be shown.
    [[nodiscard]] constexpr std::uint64_t last_needed(byte_range<peer> block) const noexcept {
        const std::uint64_t end = block.last() < wanted_.last() ? block.last().value : wanted_.last().value;
        if (memory_.empty()) return end;
        std::uint64_t last = block.first.value;
        for (const byte_range<peer>& each : memory_) {
            if (each.empty() || each.first.value > end) continue;
            const std::uint64_t to = each.last().value < end ? each.last().value : end;
            if (to > last) last = to;
        }
        return last;
    }
    /// Some byte that no window can show, or too many of them.
    [[nodiscard]] constexpr errc why_not() const noexcept {
        position here = next(wanted_.first.value);
        for (std::uint32_t i = 0; i <= d_.windows + d_.slices && !here.done; ++i) {
            position best{};
            for (std::uint32_t window = 0; window < 2; ++window) {
                if (d_.windows <= window) continue;
                const position there = after(here, window_kind::direct, window);
                if (there.reached && there.beyond(best)) best = there;
            }
            if (d_.slices != 0) {
                const position there = after(here, window_kind::slice, 0);
                if (there.reached && there.beyond(best)) best = there;
            }
            if (!best.reached) return errc::not_covered;
            here = best;
        }
        return bounded_ ? errc::limit : errc::too_large;
    }

    const window_descriptor& d_;
    byte_range<peer> wanted_;
    view<const byte_range<peer>> memory_;
    view<planned_window> out_;
    std::uint32_t first_ = 0;
    std::uint32_t others_ = 0;
    std::uint32_t slices_ = 0;
    bool bounded_ = false;  ///< not by the bridge alone
};

}  // namespace detail

/// Which windows show a range of a peer's physical memory: the fewest that can, under the bridge's rules for
/// alignment, sizes, 4 GiB, reach and slices.
///
/// - `memory`: what the peer declares as memory, in any order. Bytes of the range between are holes: they
///   need no window (one may show them). Empty: all of the range is memory.
/// - `out`: receives the plan, ascending by address; at most as many windows as it has entries.
/// - `budget`: how many direct windows (by number, from 0 on) and slices are free.
///
/// Returns how many windows. Errors, `out` is undefined then: `not_covered`: some byte cannot be shown by
/// any window (out of reach, the target is fixed, the bridge has none); `too_large`: all windows of the
/// bridge together show less; `limit`: those of the budget, or for which there are entries, do; `misaligned`:
/// the range is not in the granules of the bridge; `invalid`: an empty or wrapping range, a descriptor that
/// `check` refuses.
///
/// O(slices x windows x pieces of memory), with at most `planned_windows_at_most` direct windows; 1 KiB of
/// stack. Any context; constexpr.
///
/// ```
/// ashlar::planned_window plan[8];
/// const auto count = ashlar::plan_windows(ashlar::presets::intel_gen3, {{0x1'8000'0000}, 0x1'0000'0000}, {},
/// plan);
/// // *count == 2: the BAR of 4 GiB shows from 4 GiB and from 8 GiB on
/// ```
constexpr result<std::size_t> plan_windows(const window_descriptor& descriptor, byte_range<peer> wanted,
                                           view<const byte_range<peer>> memory, view<planned_window> out,
                                           window_budget budget = {}) noexcept {
    if (check(descriptor) != descriptor_defect::none) return errc::invalid;
    if (wanted.empty() || wanted.wraps()) return errc::invalid;
    const std::uint64_t low = descriptor.granule - 1;
    if (((wanted.first.value | wanted.bytes) & low) != 0) return errc::misaligned;
    return detail::window_search(descriptor, budget, wanted, memory, out).run();
}

}  // namespace ashlar
