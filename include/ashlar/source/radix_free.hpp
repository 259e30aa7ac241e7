// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/source/blocks.hpp>
#include <ashlar/source/radix_recover.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// What a free is checked for, and the ways a block goes back by its size. Whatever the caller does not own
/// is told before anything changes.
template <class Platform, buddy_shape Shape>
class radix_free : public radix_recover<Platform, Shape> {
    using recover = radix_recover<Platform, Shape>;

 protected:
    using recover::at_;
    using recover::full_row;
    using recover::line_order;
    using recover::line_rows;
    using recover::row_order;
    using typename recover::bits;
    using typename recover::geometry;
    using typename recover::space;
    using typename recover::word;

    /// What giving a block back would answer: ok for a naturally aligned block of online frames in use.
    [[nodiscard, gnu::always_inline]] constexpr errc check_give(frame<space> first,
                                                                unsigned order) const noexcept {
        if (is_plain(first.number, order)) [[likely]] {
            const bits seen = this->words_[at_.row_at(first.number)].load(memory_order::relaxed);
            if (((seen & mask_of(first.number, order)) | whole_bit(first.number)) != 0) [[unlikely]]
                return errc::double_free;
            return errc::ok;
        }
        if (order == line_order && at_.starts_in(first.number, order)) return check_line_give(first.number);
        return check_any_give(first, order);
    }

    constexpr errc give_block(frame<space> first, unsigned order) noexcept {
        if (!is_plain(first.number, order)) [[unlikely]]
            return give_any_block(first, order);
        return whole_bit(first.number) != 0 ? errc::double_free : free_in_row(first.number, order);
    }

    /// Of whole lines that the caller holds, those in whose rows something is free: wrong frees of others.
    /// Bit i of `lines` is line i from that of `number` on, `in_word` are their bits among the whole lines.
    /// Rows of which nothing is hinted at are clear, but for those that are isolated; a free that has not
    /// returned yet, or that met a readmission, may not be hinted at.
    [[nodiscard]] constexpr bits lines_in_rows(std::uint64_t number, bits lines,
                                               bits in_word) const noexcept {
        const std::size_t first = at_.line_of(number);
        const bits isolated = this->isolated(at_.line_word_of(number)).load(memory_order::relaxed) & in_word;
        if (isolated == 0 && (lines & (lines - 1)) == 0 &&
            this->row_tree_.peek(first + static_cast<unsigned>(std::countr_zero(lines))) == 0) {
            return 0;
        }
        return lines_with_rows(first, lines, isolated == 0);
    }

 private:
    /// A naturally aligned block, a row at most, of a line that is all online: most blocks are.
    [[nodiscard, gnu::always_inline]] constexpr bool is_plain(std::uint64_t number,
                                                              unsigned order) const noexcept {
        return order <= row_order && at_.starts_in(number, order) &&
               (this->words_[at_.online_word_at(number)].load(memory_order::relaxed) &
                geometry::line_bit_of(number)) != 0;
    }
    /// Not 0: the frame is in a whole line that is free.
    [[nodiscard, gnu::always_inline]] constexpr bits whole_bit(std::uint64_t number) const noexcept {
        return static_cast<bits>(this->words_[at_.whole_word_at(number)].load(memory_order::relaxed) &
                                 geometry::line_bit_of(number));
    }
    [[nodiscard]] static constexpr bits mask_of(std::uint64_t number, unsigned order) noexcept {
        return block_bits<bits>(geometry::bit_of(number), order);
    }
    [[gnu::noinline]] constexpr errc give_any_block(frame<space> first, unsigned order) noexcept {
        if (order <= row_order) {
            const errc error = check_any_give(first, order);
            return error != errc::ok ? error : free_in_row(first.number, order);
        }
        if (order == line_order && at_.holds(first.number, order)) return free_line(first.number);
        if (const errc error = check_block(first, order); error != errc::ok) return error;
        return order < line_order ? free_rows(first.number, order) : free_lines(block(first, order));
    }
    [[nodiscard, gnu::noinline]] constexpr bits lines_with_rows(std::size_t first, bits lines,
                                                                bool hinted) const noexcept {
        const std::size_t low = first + static_cast<unsigned>(std::countr_zero(lines));
        const std::size_t end = first + geometry::word_lines - static_cast<unsigned>(std::countl_zero(lines));
        if (hinted && this->row_tree_.are_clear(low, end)) return 0;
        bits found = 0;
        for (bits rest = lines; rest != 0; rest = static_cast<bits>(rest & (rest - 1))) {
            const auto bit = static_cast<unsigned>(std::countr_zero(rest));
            const std::size_t line = first + bit;
            if (hinted && this->row_tree_.peek(line) == 0) continue;
            if (this->any_of_line(&this->row(line, 0)) != 0)
                found = static_cast<bits>(found | bits{1} << bit);
        }
        return found;
    }
    /// ok for a naturally aligned block of online frames, free or not.
    [[nodiscard]] constexpr errc check_block(frame<space> first, unsigned order) const noexcept {
        if (order > Shape.top_order) return errc::unsupported;
        const range<space> frames = block(first, order);
        if (!this->attached_range().contains(frames)) return errc::not_owned;
        return aligned(first, order) ? this->check_online(frames) : errc::misaligned;
    }
    [[nodiscard]] constexpr errc check_any_give(frame<space> first, unsigned order) const noexcept {
        const errc error = check_block(first, order);
        if (error != errc::ok) return error;
        return holds_free(block(first, order)) ? errc::double_free : errc::ok;
    }
    [[nodiscard]] constexpr bool holds_free(range<space> frames) const noexcept {
        bits any = 0;
        this->for_each_piece(
            frames, [&](std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
                if (this->is_whole(line)) any = full_row;
                this->for_each_row(first, count, [&](std::size_t, unsigned index, bits mask) noexcept {
                    any |= static_cast<bits>(this->row(line, index).load(memory_order::relaxed) & mask);
                });
            });
        return any != 0;
    }

    [[gnu::always_inline]] constexpr errc free_in_row(std::uint64_t number, unsigned order) noexcept {
        const bits mask = mask_of(number, order);
        word& row = this->words_[at_.row_at(number)];
        bits seen = row.load(memory_order::relaxed);
        do {
            if ((seen & mask) != 0) return errc::double_free;
        } while (!row.compare_exchange(seen, static_cast<bits>(seen | mask), memory_order::seq_cst));
        return this->given(number, static_cast<bits>(seen | mask), mask) != 0 ? errc::revoked : errc::ok;
    }

    constexpr errc free_rows(std::uint64_t number, unsigned order) noexcept {
        const std::size_t line = at_.line_of(number);
        const unsigned first = geometry::row_of(number);
        const unsigned last = first + (1u << (order - row_order));
        bits any = this->is_whole(line) ? full_row : bits{0};
        for (unsigned i = first; i < last; ++i) any |= this->row(line, i).load(memory_order::relaxed);
        if (any != 0) return errc::double_free;
        errc error = errc::ok;
        for (unsigned i = first; i < last; ++i) {
            const bits old = this->row(line, i).fetch_or(full_row, memory_order::seq_cst);
            if (old != 0) error = errc::double_free;
        }
        // The last row's check sees all of them: one look for a merge, one hint.
        for (unsigned i = first; i < last && error == errc::ok; ++i) {
            if (i + 1 == last || !this->is_online(line)) {
                const std::uint64_t begin = at_.frame_of_line(line) + i * geometry::row_frames;
                if (this->given(begin, full_row, full_row) != 0) error = errc::revoked;
            }
        }
        return error;
    }

    /// As `check_give`, for a line of the attached range.
    [[nodiscard]] constexpr errc check_line_give(std::uint64_t number) const noexcept {
        const errc wrong = check_rows_of_line(number);
        return wrong == errc::ok && whole_bit(number) != 0 ? errc::double_free : wrong;
    }
    /// The same but for the line's whole bit, of which whoever sets it is told.
    [[nodiscard, gnu::always_inline]] constexpr errc check_rows_of_line(std::uint64_t number) const noexcept {
        const word* const words = this->words_;
        if ((words[at_.online_word_at(number)].load(memory_order::relaxed) & geometry::line_bit_of(number)) ==
            0) [[unlikely]] {
            return check_any_give(frame<space>{number}, line_order);
        }
        return this->any_of_line(words + at_.row_at(number)) != 0 ? errc::double_free : errc::ok;
    }
    constexpr errc free_line(std::uint64_t number) noexcept {
        if (const errc wrong = check_rows_of_line(number); wrong != errc::ok) return wrong;
        if (number == 0) [[unlikely]]
            return free_lines(block(frame<space>{number}, line_order));
        const std::size_t index = at_.line_word_of(number);
        return refusal(index, this->give_lines(index, geometry::line_bit_of(number)));
    }
    /// Why lines of a word were refused: free already, or gone.
    [[nodiscard]] constexpr errc refusal(std::size_t index, bits refused) const noexcept {
        if (refused == 0) return errc::ok;
        const bits online = this->online(index).load(memory_order::relaxed);
        return (refused & ~online) != 0 ? errc::revoked : errc::double_free;
    }

    constexpr errc free_lines(range<space> frames) noexcept {
        const std::size_t first = at_.line_of(frames.first.number);
        const std::size_t last = at_.line_of(frames.end().number - 1) + 1;
        bits any = 0;
        this->for_each_line_mask(first, last, [&](std::size_t index, bits mask) noexcept {
            any |= static_cast<bits>(this->whole(index).load(memory_order::relaxed) & mask);
        });
        for (std::size_t i = first * line_rows; i < last * line_rows && any == 0; ++i) {
            any |= this->words_[geometry::rows_at + i].load(memory_order::relaxed);
        }
        if (any != 0) return errc::double_free;
        if (this->holds_frame_zero(first)) {
            this->release(frames);
            return errc::ok;
        }
        errc error = errc::ok;
        this->for_each_line_mask(first, last, [&](std::size_t index, bits mask) noexcept {
            const errc given = refusal(index, this->give_lines(index, mask));
            if (given != errc::ok) error = given;
        });
        return error;
    }
};

}  // namespace ashlar::detail
