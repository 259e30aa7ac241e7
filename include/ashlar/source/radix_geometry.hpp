// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/source/buddy_shape.hpp>
#include <ashlar/source/hint_tree.hpp>
#include <ashlar/source/row_bits.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Where everything of a radix buddy lies in its words. All indices are relative to the attached range: lines
/// count from the line that holds its first frame, words of whole lines from the word that holds that line,
/// so that natural alignment is that of absolute frame numbers.
///
/// Layout: header (identity, then the root and the lock, then the transit word, a cache line each), rows,
/// whole-line bits, online flags, isolated flags, mobility classes if they are kept, the two hint trees, the
/// hole table.
template <buddy_shape Shape, class Word>
struct radix_geometry {
    static_assert(Shape.is_valid(), "radix_buddy: this buddy_shape is impossible; see buddy_shape::is_valid");

    using bits = typename Word::value_type;

    static constexpr unsigned row_order = Shape.row_order;
    static constexpr unsigned line_order = Shape.line_order;
    static constexpr unsigned word_lines_order = static_cast<unsigned>(std::countr_zero(width<bits>));
    static constexpr unsigned word_order = line_order + word_lines_order;  ///< a word of whole lines
    static constexpr std::uint64_t row_frames = std::uint64_t{1} << row_order;
    static constexpr std::uint64_t line_frames = std::uint64_t{1} << line_order;
    static constexpr unsigned line_rows = 1u << (line_order - row_order);
    static constexpr unsigned word_lines = width<bits>;
    static constexpr bits full_row = low_bits<bits>(1u << row_order);

    static constexpr std::size_t cache_line_words = 512 / width<bits>;
    static constexpr std::size_t root_at = cache_line_words;
    static constexpr std::size_t lock_at = root_at + 1;
    static constexpr std::size_t lost_at = root_at + 2;
    static constexpr std::size_t transit_at = 2 * cache_line_words;
    static constexpr std::size_t rows_at = 3 * cache_line_words;

    using tree = hint_tree<Word>;

    constexpr radix_geometry() noexcept = default;
    template <class Space>
    constexpr explicit radix_geometry(range<Space> spanned) noexcept
        : first(spanned.first.number),
          count(spanned.count),
          base_line(first >> line_order),
          lines(static_cast<std::size_t>(((first + count - 1) >> line_order) - base_line + 1)),
          base_word(base_line >> word_lines_order),
          line_skew(static_cast<unsigned>(base_line & (word_lines - 1))),
          whole_words((lines + line_skew + word_lines - 1) / word_lines),
          whole_at(rows_at + lines * line_rows),
          online_at(whole_at + whole_words),
          isolated_at(online_at + whole_words),
          mobility_at(isolated_at + whole_words),
          row_tree_at(mobility_at + (Shape.mobility_classes ? 2 * whole_words : 0)),
          whole_tree_at(row_tree_at + tree::words_for(lines)),
          holes_at(whole_tree_at + tree::words_for(whole_words)),
          holes(Shape.hole_entries + lines / 256),
          words(holes_at + holes),
          row_bias(rows_at - static_cast<std::size_t>(base_line << (line_order - row_order))),
          whole_bias(whole_at - static_cast<std::size_t>(base_word)),
          online_bias(online_at - static_cast<std::size_t>(base_word)) {}

    /// A range that the words cannot describe: frame numbers or hole entries would not fit.
    template <class Space>
    [[nodiscard]] static constexpr bool fits(range<Space> frames) noexcept {
        constexpr unsigned index_bits = width<bits> - line_order - 1;
        if (frames.empty() || frames.wraps() || frames.end() == no_limit<Space>) return false;
        if (width<bits> == 32 && (frames.end().number >> 32) != 0) return false;
        return (frames.count + line_frames) >> index_bits == 0;
    }

    /// A naturally aligned block of the attached range; of none while nothing is attached.
    [[nodiscard]] constexpr bool holds(std::uint64_t number, unsigned order) const noexcept {
        const std::uint64_t size = std::uint64_t{1} << order;
        const std::uint64_t from = number - first;
        return from < count && count - from >= size && (number & (size - 1)) == 0;
    }
    /// As `holds` for blocks up to a line, if the line is all of it in the range (as one that is online is).
    [[nodiscard]] constexpr bool starts_in(std::uint64_t number, unsigned order) const noexcept {
        return number - first < count && (number & ((std::uint64_t{1} << order) - 1)) == 0;
    }
    [[nodiscard]] constexpr std::uint64_t base_frame() const noexcept { return base_line << line_order; }
    [[nodiscard]] constexpr std::uint64_t frame_of_line(std::size_t line) const noexcept {
        return (base_line + line) << line_order;
    }
    [[nodiscard]] constexpr std::size_t line_of(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>((number >> line_order) - base_line);
    }
    [[nodiscard]] static constexpr unsigned row_of(std::uint64_t number) noexcept {
        return static_cast<unsigned>(number >> row_order) & (line_rows - 1);
    }
    [[nodiscard]] static constexpr unsigned bit_of(std::uint64_t number) noexcept {
        return static_cast<unsigned>(number & (row_frames - 1));
    }
    /// The index of a frame's row among all words.
    [[nodiscard]] constexpr std::size_t row_at(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>(number >> row_order) + row_bias;
    }
    /// The same of the words with the line of a frame, whole and online.
    [[nodiscard]] constexpr std::size_t whole_word_at(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>(number >> word_order) + whole_bias;
    }
    [[nodiscard]] constexpr std::size_t online_word_at(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>(number >> word_order) + online_bias;
    }
    /// The word and the bit of the line of a frame in each array of a bit a line.
    [[nodiscard]] constexpr std::size_t line_word_of(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>((number >> word_order) - base_word);
    }
    [[nodiscard]] static constexpr bits line_bit_of(std::uint64_t number) noexcept {
        return static_cast<bits>(bits{1} << ((number >> line_order) & (word_lines - 1)));
    }
    [[nodiscard]] constexpr std::size_t word_of_line(std::size_t line) const noexcept {
        return (line + line_skew) / word_lines;
    }
    [[nodiscard]] constexpr bits bit_of_line(std::size_t line) const noexcept {
        return static_cast<bits>(bits{1} << ((line + line_skew) & (word_lines - 1)));
    }
    /// The absolute number of a word of whole lines: what alignment of blocks beyond `word_order` is judged
    /// by.
    [[nodiscard]] constexpr std::uint64_t frame_of_word(std::size_t word) const noexcept {
        return (base_word + word) << word_order;
    }

    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::uint64_t base_line = 0;
    std::size_t lines = 0;
    std::uint64_t base_word = 0;
    unsigned line_skew = 0;
    std::size_t whole_words = 0;
    std::size_t whole_at = 0;
    std::size_t online_at = 0;
    std::size_t isolated_at = 0;
    std::size_t mobility_at = 0;
    std::size_t row_tree_at = 0;
    std::size_t whole_tree_at = 0;
    std::size_t holes_at = 0;
    std::size_t holes = 0;
    std::size_t words = 0;
    /// Indices of the words for frame 0, if there were any; modulo the largest index.
    std::size_t row_bias = 0;
    std::size_t whole_bias = 0;
    std::size_t online_bias = 0;
};

}  // namespace ashlar::detail
