// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/source/radix_core.hpp>
#include <bit>

namespace ashlar::detail {

/// How frames come back: into rows, merged into whole lines, or as whole lines at once.
template <class Platform, buddy_shape Shape>
class radix_give : public radix_core<Platform, Shape> {
    using core = radix_core<Platform, Shape>;

 protected:
    using core::all_lines;
    using core::at_;
    using core::full_row;
    using core::holes_;
    using core::line_order;
    using core::line_rows;
    using core::row_order;
    using core::row_tree_;
    using core::whole_tree_;
    using typename core::bits;
    using typename core::geometry;
    using typename core::moves;
    using typename core::space;

    /// After bits went into the row of a frame: takes them out again if the frames left meanwhile (revoked),
    /// merges, hints. `now` is the row as it was left, `mask` what was given. Answers what of it is gone.
    /// Rare cases are calls in the last place: the others then save no registers.
    [[gnu::always_inline]] constexpr bits given(std::uint64_t number, bits now, bits mask) noexcept {
        const bits online = this->words_[at_.online_word_at(number)].load(memory_order::relaxed);
        if ((online & geometry::line_bit_of(number)) == 0) [[unlikely]] {
            return given_absent(number, now, mask);
        }
        return given_present(number, now, mask);
    }

    /// Gives whole lines of one word back; none of them holds frame 0. Answers those that did not become
    /// free: free already, or revoked meanwhile.
    constexpr bits give_lines(std::size_t index, bits mask) noexcept {
        const bits old = this->whole(index).fetch_or(mask, memory_order::seq_cst);
        const bits now = static_cast<bits>(old | mask);
        bits refused = static_cast<bits>(old & mask);
        const bits gone = static_cast<bits>(mask & ~old & ~this->online(index).load(memory_order::relaxed));
        if (gone != 0) [[unlikely]] {
            // Whoever clears the bits accounts for them: this free, or the sweep of the revocation.
            const bits swept = this->whole(index).fetch_and(static_cast<bits>(~gone), memory_order::relaxed);
            refused = static_cast<bits>(refused | (swept & gone));
        }
        const bits offered = static_cast<bits>(now & ~this->isolated(index).load(memory_order::seq_cst));
        if (const unsigned known = whole_tree_.peek(index);
            known <= geometry::word_lines_order && has_block_with(offered, known, mask)) {
            whole_tree_.raise(index, largest_block(offered));
        }
        if (now == all_lines) moves::note(this->transit_word());
        return refused;
    }

    /// Gives back frames that the caller owns, whatever their alignment.
    constexpr void release(range<space> frames) noexcept {
        const auto lines = this->whole_lines(frames);
        if (lines.first == lines.last) return release_rows(frames);
        const frame<space> first{at_.frame_of_line(lines.first)};
        const frame<space> last{at_.frame_of_line(lines.last)};
        release_rows(range<space>::between(frames.first, first));
        this->for_each_line_mask(lines.first, lines.last, [this](std::size_t index, bits mask) noexcept {
            this->lose(static_cast<std::uint64_t>(std::popcount(give_lines(index, mask))) << line_order);
        });
        release_rows(range<space>::between(last, frames.end()));
    }

    /// A line that the caller has taken whole goes back into its rows, but for `count` frames from `first`
    /// on, which the caller keeps, and for those that are revoked meanwhile. In transit.
    constexpr void split_rows(std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
        bits kept[line_rows] = {};
        this->for_each_row(first, count,
                           [&kept](std::size_t, unsigned index, bits mask) noexcept { kept[index] = mask; });
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits rest = static_cast<bits>(full_row & ~kept[i]);
            if (rest != 0) this->row(line, i).fetch_or(rest, memory_order::seq_cst);
        }
        take_revoked(line);
        if (const unsigned rank = this->line_rank(line); rank != 0) row_tree_.raise(line, rank);
    }

    /// Whole lines whose rows are all free become one bit. True when this call merged the line.
    constexpr bool merge(std::size_t line) noexcept {
        if (this->holds_frame_zero(line)) return false;
        for (;;) {
            for (unsigned i = 0; i < line_rows; ++i) {
                if (this->row(line, i).load(memory_order::seq_cst) != full_row) return false;
            }
            moves::begin(this->transit_word());
            unsigned taken = 0;
            for (; taken < line_rows; ++taken) {
                bits expected = full_row;
                if (!this->row(line, taken).compare_exchange(expected, 0, memory_order::acq_rel)) break;
            }
            if (taken == line_rows) {
                this->settle_line(line);
                if (give_lines(at_.word_of_line(line), at_.bit_of_line(line)) != 0) {
                    restore_present(line);
                }
                moves::end(this->transit_word());
                return true;
            }
            // Somebody took from a row in between: put back, and look again, for others may have given up on
            // merging because of the rows that were out.
            for (unsigned i = 0; i < taken; ++i) this->row(line, i).fetch_or(full_row, memory_order::seq_cst);
            take_revoked(line);
            if (const unsigned rank = this->line_rank(line); rank != 0) row_tree_.raise(line, rank);
            moves::end(this->transit_word());
            if (taken == 0) return false;
        }
    }

    /// The frames of `mask` that are not online.
    [[nodiscard]] constexpr bits absent_bits(std::size_t line, unsigned index, bits mask) const noexcept {
        const std::uint64_t first = at_.frame_of_line(line) + index * geometry::row_frames;
        bits gone = 0;
        for (unsigned bit = 0; bit < geometry::row_frames; ++bit) {
            const bits one = static_cast<bits>(bits{1} << bit);
            if ((mask & one) != 0 && this->why_absent(first + bit) != absence::none) gone |= one;
        }
        return gone;
    }

 private:
    [[gnu::always_inline]] constexpr bits given_present(std::uint64_t number, bits now, bits mask) noexcept {
        const std::size_t line = at_.line_of(number);
        if (now == full_row) [[unlikely]]
            return given_full_row(line);
        // Frame 0 is not offered: of its row, a hint may say too much.
        const unsigned known = row_tree_.peek(line);
        if (known > row_order) return 0;
        if ((mask & (mask - 1)) != 0) return hint_several(line, now, known);
        return has_block_with(now, known, mask) ? hint_row(line, now) : bits{0};
    }
    [[gnu::noinline]] constexpr bits given_absent(std::uint64_t number, bits now, bits mask) noexcept {
        if (take_absent(number, mask))
            return absent_bits(at_.line_of(number), geometry::row_of(number), mask);
        return given_present(number, now, mask);
    }
    /// Takes what is not online of the frames given out of their row again. True when that was all of it, and
    /// nobody else did: whoever clears the bits accounts for them, this free or the sweep of the revocation.
    [[gnu::noinline]] constexpr bool take_absent(std::uint64_t number, bits mask) noexcept {
        const std::size_t line = at_.line_of(number);
        const unsigned index = geometry::row_of(number);
        const bits gone = absent_bits(line, index, mask);
        if (gone == 0) return false;
        const bits old = this->row(line, index).fetch_and(static_cast<bits>(~gone), memory_order::relaxed);
        if ((old & gone) == gone) return true;
        lose_bits(static_cast<bits>(old & gone));
        return false;
    }
    /// After frames of a line were put back by whoever had all of it on its way: takes out those that were
    /// revoked meanwhile. A revocation clears the flag and then sweeps: what its sweep does not see, this
    /// does.
    constexpr void take_revoked(std::size_t line) noexcept {
        const bits online = this->online(at_.word_of_line(line)).load(memory_order::relaxed);
        if ((online & at_.bit_of_line(line)) != 0) [[likely]]
            return;
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits gone = absent_bits(line, i, full_row);
            if (gone == 0) continue;
            const bits old = this->row(line, i).fetch_and(static_cast<bits>(~gone), memory_order::relaxed);
            lose_bits(static_cast<bits>(old & gone));
        }
    }
    constexpr void lose_bits(bits gone) const noexcept {
        this->lose(static_cast<std::uint64_t>(std::popcount(gone)));
    }
    [[gnu::noinline]] constexpr bits given_full_row(std::size_t line) noexcept {
        if (!merge(line)) hint_full_row(line);
        return 0;
    }
    [[gnu::noinline]] constexpr bits hint_several(std::size_t line, bits offered, unsigned known) noexcept {
        return free_blocks(offered, known) != 0 ? hint_row(line, offered) : bits{0};
    }
    [[gnu::noinline]] constexpr bits hint_row(std::size_t line, bits offered) noexcept {
        if (!this->is_isolated(line)) row_tree_.raise(line, largest_block(offered));
        return 0;
    }
    /// A full row joins its neighbours; what is in other rows cannot make a larger block.
    constexpr void hint_full_row(std::size_t line) noexcept {
        if (this->is_isolated(line) || row_tree_.peek(line) == line_order) return;
        std::uint32_t full = 0;
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits value = this->offered(line, i, this->row(line, i).load(memory_order::seq_cst));
            full |= static_cast<std::uint32_t>(value == full_row) << i;
        }
        const unsigned rank = row_order + largest_block(full);
        row_tree_.raise(line, rank < line_order ? rank : line_order);
    }

    constexpr void release_rows(range<space> frames) noexcept {
        this->for_each_piece(frames, [this](std::size_t, std::uint64_t first, std::uint64_t count) noexcept {
            this->for_each_row(first, count, [this](std::size_t line, unsigned index, bits mask) noexcept {
                const bits old = this->row(line, index).fetch_or(mask, memory_order::seq_cst);
                lose_bits(given(at_.frame_of_line(line) + index * geometry::row_frames,
                                static_cast<bits>(old | mask), mask));
            });
        });
    }

    /// A line that was partly revoked while it merged: what is still online goes back into its rows.
    constexpr void restore_present(std::size_t line) noexcept {
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits present = static_cast<bits>(full_row & ~absent_bits(line, i, full_row));
            if (present != 0) this->row(line, i).fetch_or(present, memory_order::seq_cst);
            lose_bits(static_cast<bits>(full_row & ~present));
        }
        take_revoked(line);
        if (const unsigned rank = this->line_rank(line); rank != 0) row_tree_.raise(line, rank);
    }
};

}  // namespace ashlar::detail
