// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <ashlar/source/radix_give.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Where a search looks, and in which order: words of whole lines, and lines in use in part by placement and
/// mobility class. Every walk goes through a hint tree and lowers the hints that disappointed it.
template <class Platform, buddy_shape Shape>
class radix_walk : public radix_give<Platform, Shape> {
    using give = radix_give<Platform, Shape>;

 protected:
    using give::at_;
    using give::line_order;
    using give::line_rows;
    using give::row_tree_;
    using give::whole_tree_;
    using give::word_order;
    using typename give::bits;
    using typename give::geometry;

    static constexpr std::uint64_t nothing = ~std::uint64_t{0};

    /// A search: what is wanted, and how much of the effort is left.
    struct search {
        unsigned order = 0;
        std::uint64_t limit = 0;  ///< the whole block lies below this frame
        std::uint32_t effort = unbounded_effort;
        ashlar::mobility mobility = mobility::unmovable;
        std::uint64_t near = nothing;  ///< a frame that the block is wanted close to

        constexpr bool spend() noexcept {
            if (effort == 0) return false;
            if (effort != unbounded_effort) --effort;
            return true;
        }
    };

    template <class Visit>
    constexpr void walk_words(search& wanted, unsigned rank, Visit&& visit) noexcept {
        const std::uint64_t end = wanted.limit;
        const std::uint64_t base = at_.frame_of_word(0);
        const std::size_t words =
            end <= base ? 0 : static_cast<std::size_t>(((end - 1 - base) >> word_order) + 1);
        whole_tree_.walk(rank, 0, words, [&](std::size_t index) noexcept {
            if (!wanted.spend()) return true;
            if (visit(index)) return true;
            this->settle_word(index);
            return false;
        });
    }

    /// Visits lines in use in part that may hold a block of the order, of the request's class, in the order
    /// of the placement, until `visit(line)` is true.
    template <class Visit>
    constexpr void walk_lines(search& wanted, Visit&& visit) noexcept {
        if constexpr (Shape.placement == placement::fullest) {
            if (const std::uint64_t line = fullest_line(wanted);
                line != nothing && visit(static_cast<std::size_t>(line))) {
                return;
            }
        }
        const std::size_t end = line_limit(wanted);
        std::size_t start = 0;
        if (Shape.placement == placement::nearest && at_.holds(wanted.near, 0)) {
            start = at_.line_of(wanted.near);
        }
        if (!walk_class(wanted, start, end, visit)) walk_class(wanted, 0, start < end ? start : end, visit);
    }

    /// As `walk_lines` of all classes, those first where most is free in one piece: there the fewest blocks
    /// of another class lie. A line that was free by half takes the request's class (as Linux's pageblocks
    /// do).
    template <class Visit>
    constexpr void walk_other_classes(search& wanted, Visit&& visit) noexcept {
        bool found = false;
        for (unsigned rank = line_order; rank > wanted.order && !found && wanted.effort != 0; --rank) {
            row_tree_.walk(rank, 0, line_limit(wanted), [&](std::size_t line) noexcept {
                if (!wanted.spend()) return true;
                const bool mostly_free =
                    !this->is_isolated(line) && free_in(line) >= geometry::line_frames / 2;
                found = !this->is_isolated(line) && visit(line);
                if (!found) this->settle_line(line);
                if (found && mostly_free) this->set_class(line, wanted.mobility);
                return found;
            });
        }
    }

 private:
    /// Lines of other classes that a search passes before it takes a whole line instead.
    static constexpr unsigned most_others = 512;
    /// Lines that the fullest one is chosen from.
    static constexpr unsigned candidates = 16;

    /// The lines below the limit.
    [[nodiscard]] constexpr std::size_t line_limit(const search& wanted) const noexcept {
        return wanted.limit <= at_.base_frame() ? 0 : at_.line_of(wanted.limit - 1) + 1;
    }
    [[nodiscard]] constexpr std::uint64_t free_in(std::size_t line) const noexcept {
        unsigned count = 0;
        for (unsigned i = 0; i < line_rows; ++i) {
            count += static_cast<unsigned>(std::popcount(this->row(line, i).load(memory_order::relaxed)));
        }
        return count;
    }

    /// True when the walk is over: something was found, or given up.
    template <class Visit>
    constexpr bool walk_class(search& wanted, std::size_t from, std::size_t to, Visit&& visit) noexcept {
        [[maybe_unused]] unsigned others = 0;
        return row_tree_.walk(wanted.order + 1, from, to, [&](std::size_t line) noexcept {
            if constexpr (Shape.mobility_classes) {
                if (!this->is_of_class(line, wanted.mobility)) return ++others == most_others;
            }
            if (!wanted.spend()) return true;
            if (!this->is_isolated(line) && visit(line)) return true;
            this->settle_line(line);
            return false;
        });
    }

    /// Of the first lines that suit, the one with the fewest free frames; `nothing` if none suits.
    [[nodiscard]] constexpr std::uint64_t fullest_line(search& wanted) noexcept {
        std::uint64_t best = nothing;
        std::uint64_t least = nothing;
        unsigned seen = 0;
        walk_class(wanted, 0, line_limit(wanted), [&](std::size_t line) noexcept {
            if (this->line_rank(line) <= wanted.order) return false;
            if (const std::uint64_t free = free_in(line); free < least) {
                least = free;
                best = line;
            }
            return ++seen == candidates;
        });
        return best;
    }
};

}  // namespace ashlar::detail
