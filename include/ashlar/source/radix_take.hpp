// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/source/radix_walk.hpp>
#include <bit>

namespace ashlar::detail {

/// How frames are found and taken: out of rows, by splitting a whole line, as whole lines of one word, as
/// whole words.
template <class Platform, buddy_shape Shape>
class radix_take : public radix_walk<Platform, Shape> {
    using walk = radix_walk<Platform, Shape>;

 protected:
    using typename walk::bits;
    using typename walk::geometry;
    using typename walk::moves;
    using typename walk::space;
    using walk::all_lines;
    using walk::at_;
    using walk::full_row;
    using walk::line_order;
    using walk::line_rows;
    using walk::row_order;
    using walk::row_tree_;
    using walk::whole_tree_;
    using walk::word_order;

    using typename walk::search;
    using walk::nothing;

    /// Finds and takes a block by `attempt(search)`, which gives a frame number or `nothing`. Says
    /// `exhausted` only when at one moment during the call nothing suited (for a block beyond a word of
    /// lines, and under a `below` inside the range, when nothing suited where the search was at each moment).
    template <class Attempt>
    constexpr result<frame<space>> find(search wanted, Attempt&& attempt) noexcept {
        for (unsigned scan = 0; scan < Shape.rescans; ++scan) {
            const bits before = moves::read(this->transit_word());
            if (const std::uint64_t found = attempt(wanted); found != nothing) return frame<space>{found};
            if (wanted.effort == 0) return errc::limit;
            const bool none = nothing_suits(wanted);
            if (none && moves::quiet(before) && moves::read(this->transit_word()) == before) {
                return errc::exhausted;
            }
        }
        return errc::busy;
    }

    /// A block smaller than a line.
    constexpr std::uint64_t take_small(search& wanted) noexcept {
        std::uint64_t found = nothing;
        const auto take_in = [&](std::size_t line) noexcept {
            found = wanted.order <= row_order ? take_in_row(line, wanted) : take_full_rows(line, wanted);
            return found != nothing;
        };
        this->walk_lines(wanted, take_in);
        if (found == nothing) found = take_by_split(wanted);
        if (Shape.mobility_classes && found == nothing) this->walk_other_classes(wanted, take_in);
        return found;
    }

    /// A block of whole lines of one word.
    constexpr std::uint64_t take_line_block(search& wanted) noexcept {
        const unsigned order = wanted.order - line_order;
        std::uint64_t found = nothing;
        this->walk_words(wanted, order + 1, [&](std::size_t index) noexcept {
            for (;;) {
                const bits seen = below_limit(index, this->offered_lines(index), wanted);
                if (free_blocks(seen, order) == 0) return false;
                const unsigned bit = tightest_block(seen, order);
                if (take_bits(this->whole(index), block_bits<bits>(bit, order))) {
                    found = at_.frame_of_word(index) + (std::uint64_t{bit} << line_order);
                    return true;
                }
            }
        });
        return found;
    }

    /// Adjacent words of whole lines, in ascending order, put back if one is not free.
    constexpr std::uint64_t take_words(search& wanted) noexcept {
        const std::size_t count = std::size_t{1} << (wanted.order - word_order);
        std::uint64_t found = nothing;
        this->walk_words(wanted, geometry::word_lines_order + 1, [&](std::size_t index) noexcept {
            const std::uint64_t first = at_.frame_of_word(index);
            if ((first >> word_order & (count - 1)) != 0 || index + count > at_.whole_words ||
                first + (std::uint64_t{1} << wanted.order) > wanted.limit) {
                return false;
            }
            for (std::size_t i = 0; i < count; ++i) {
                if (this->offered_lines(index + i) != all_lines) return false;
            }
            moves::begin(this->transit_word());
            std::size_t taken = 0;
            for (; taken < count; ++taken) {
                bits expected = all_lines;
                if (!this->whole(index + taken).compare_exchange(expected, 0, memory_order::acq_rel)) break;
            }
            if (taken == count) {
                found = first;
            } else {
                for (std::size_t i = 0; i < taken; ++i) {
                    const bits gone = this->give_lines(index + i, all_lines);
                    this->lose(static_cast<std::uint64_t>(std::popcount(gone)) << line_order);
                }
            }
            moves::end(this->transit_word());
            return found != nothing;
        });
        return found;
    }

    /// Exactly these frames, or none. They are online.
    constexpr bool claim(range<space> frames) noexcept {
        moves::begin(this->transit_word());
        bool whole_claim = true;
        std::uint64_t claimed = frames.first.number;
        this->for_each_piece(frames,
                             [&](std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
                                 if (!whole_claim) return;
                                 const std::uint64_t got = claim_piece(line, first, count);
                                 claimed += got;
                                 whole_claim = got == count;
                             });
        if (!whole_claim) this->release(range<space>::between(frames.first, frame<space>{claimed}));
        moves::end(this->transit_word());
        return whole_claim;
    }

 private:
    [[nodiscard]] constexpr bool bounded(const search& wanted) const noexcept {
        return wanted.limit < at_.first + at_.count;
    }

    [[nodiscard]] constexpr bool nothing_suits(const search& wanted) const noexcept {
        if (wanted.order > word_order || bounded(wanted)) return true;
        const bits root = this->root_word().load(memory_order::seq_cst);
        if (wanted.order >= line_order) return whole_tree_.none_in(root, wanted.order - line_order + 1);
        return row_tree_.none_in(root, wanted.order + 1) && whole_tree_.none_in(root, 1);
    }

    static constexpr bool take_bits(typename walk::word& word, bits mask) noexcept {
        bits seen = word.load(memory_order::relaxed);
        do {
            if ((seen & mask) != mask) return false;
        } while (!word.compare_exchange(seen, static_cast<bits>(seen & ~mask), memory_order::acq_rel));
        return true;
    }

    /// The lines of a word in which a block at the line's start ends below the limit.
    [[nodiscard]] constexpr bits below_limit(std::size_t index, bits lines,
                                             const search& wanted) const noexcept {
        const std::uint64_t first = at_.frame_of_word(index);
        const std::uint64_t size = std::uint64_t{1} << wanted.order;
        if (wanted.limit < first + size) return 0;
        const std::uint64_t starts_below = ((wanted.limit - first - size) >> line_order) + 1;
        const std::uint64_t reach = starts_below + (size >> line_order) - (size >> line_order != 0 ? 1 : 0);
        return reach >= geometry::word_lines
                   ? lines
                   : static_cast<bits>(lines & low_bits<bits>(static_cast<unsigned>(reach)));
    }

    constexpr std::uint64_t take_in_row(std::size_t line, const search& wanted) noexcept {
        for (unsigned i = 0; i < line_rows; ++i) {
            const std::uint64_t first = at_.frame_of_line(line) + i * geometry::row_frames;
            if (first >= wanted.limit) break;
            auto& row = this->row(line, i);
            bits seen = row.load(memory_order::relaxed);
            for (;;) {
                bits inside = this->offered(line, i, seen);
                if (wanted.limit - first < geometry::row_frames) {
                    inside = static_cast<bits>(inside &
                                               low_bits<bits>(static_cast<unsigned>(wanted.limit - first)));
                }
                const bits blocks = free_blocks(inside, wanted.order);
                if (blocks == 0) break;
                const unsigned bit = static_cast<unsigned>(std::countr_zero(blocks));
                const bits left = static_cast<bits>(seen & ~block_bits<bits>(bit, wanted.order));
                if (row.compare_exchange(seen, left, memory_order::acq_rel)) return first + bit;
            }
        }
        return nothing;
    }

    constexpr std::uint64_t take_full_rows(std::size_t line, const search& wanted) noexcept {
        const unsigned count = 1u << (wanted.order - row_order);
        for (unsigned first = 0; first < line_rows; first += count) {
            const std::uint64_t number = at_.frame_of_line(line) + first * geometry::row_frames;
            if (number + (std::uint64_t{1} << wanted.order) > wanted.limit) break;
            unsigned full = 0;
            while (full < count && offered_row(line, first + full) == full_row) ++full;
            if (full != count) continue;
            moves::begin(this->transit_word());
            unsigned taken = 0;
            for (; taken < count; ++taken) {
                bits expected = full_row;
                if (!this->row(line, first + taken).compare_exchange(expected, 0, memory_order::acq_rel)) {
                    break;
                }
            }
            if (taken != count) put_back(line, first, taken);
            moves::end(this->transit_word());
            if (taken == count) return number;
        }
        return nothing;
    }

    [[nodiscard]] constexpr bits offered_row(std::size_t line, unsigned index) const noexcept {
        return this->offered(line, index, this->row(line, index).load(memory_order::relaxed));
    }

    /// Full rows that were taken and are not wanted: each give looks for a merge and hints.
    constexpr void put_back(std::size_t line, unsigned first, unsigned count) noexcept {
        const std::uint64_t number = at_.frame_of_line(line) + first * geometry::row_frames;
        this->release({frame<space>{number}, count * geometry::row_frames});
    }

    constexpr std::uint64_t take_by_split(search& wanted) noexcept {
        std::uint64_t found = nothing;
        this->walk_words(wanted, 1, [&](std::size_t index) noexcept {
            for (;;) {
                const bits seen = below_limit(index, this->offered_lines(index), wanted);
                if (seen == 0) return false;
                const unsigned bit = tightest_block(seen, 0);
                moves::begin(this->transit_word());
                const bool taken = take_bits(this->whole(index), static_cast<bits>(bits{1} << bit));
                if (taken) {
                    found = at_.frame_of_word(index) + (std::uint64_t{bit} << line_order);
                    this->set_class(at_.line_of(found), wanted.mobility);
                    this->split_rows(at_.line_of(found), found, std::uint64_t{1} << wanted.order);
                }
                moves::end(this->transit_word());
                if (taken) return true;
            }
        });
        return found;
    }

    /// How many frames from `first` on were claimed: all `count`, or those of the rows before one that is in
    /// use.
    constexpr std::uint64_t claim_piece(std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
        if (take_bits(this->whole(at_.word_of_line(line)), at_.bit_of_line(line))) {
            if (count != geometry::line_frames) this->split_rows(line, first, count);
            return count;
        }
        std::uint64_t got = 0;
        bool whole_claim = true;
        this->for_each_row(first, count, [&](std::size_t, unsigned index, bits mask) noexcept {
            whole_claim = whole_claim && take_bits(this->row(line, index), mask);
            if (whole_claim) got += static_cast<std::uint64_t>(std::popcount(mask));
        });
        return got;
    }
};

}  // namespace ashlar::detail
