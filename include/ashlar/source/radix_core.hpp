// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/source/hole_table.hpp>
#include <ashlar/source/mobility_map.hpp>
#include <ashlar/source/radix_geometry.hpp>
#include <ashlar/source/transit.hpp>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace ashlar::detail {

/// The words of a radix buddy, what each one is, and who may write it.
///
/// - row: a bit a frame, set = free. Take: CAS to fewer bits, acq_rel. Give: a read-modify-write to more
///   bits, seq_cst, half of "write my row, then read the other rows, the flags and the hints".
/// - whole: a bit a line, set = all of it free and its rows zero. Take and split: acq_rel; give: seq_cst.
/// - A look at rows and whole bits before a free is relaxed: the block is the caller's, so what he knows of
///   it stays true; a wrong free that races nobody comes after what made it wrong. Lines that a CPU gives
///   back are looked at once more, through the hints, which a wrong free has raised when it returns.
/// - online: a bit a line. The holder of the lock only: set before the holes of its line go, relaxed, cleared
///   after they came, release. Givers re-read it after giving, relaxed: a revocation clears it and then
///   sweeps the word that was given into, both by read-modify-writes, of which the later one sees the earlier
///   one, and what came before it.
/// - isolated: a bit a line. The holder of the lock only. Set relaxed: who is told of it sees it; cleared and
///   read seq_cst, half of "clear it, then read the rows" and "write my row, then read it".
/// - holes: the absent frames of lines that are online in part. The holder of the lock only, release.
/// - mobility: the class of each line, where blocks of it are looked for. Anyone, relaxed; see mobility_map.
/// - trees and root: bounds of what is free where. Anyone, seq_cst; see hint_tree.
/// - transit: moves completed and in flight. Movers, acq_rel; see transit.
/// - lost: frames that were free, and that whoever put them back found revoked: no sweep saw them. Anyone,
///   relaxed: a count publishes nothing.
/// - lock: bit 0 while flags and holes change (online, offline, isolate, readmit, revoke). CAS; contended =
///   busy. Above it how often a hole changed, counted by its holder before each change (release): why a frame
///   is absent is an answer of one moment if that stayed. Who asks waits for nobody: a holder that stands
///   still changes nothing.
///
/// A free frame is in exactly one place: its row, or the whole bit of its line. A line is absent (neither
/// flag, no holes), revoked (isolated, not online, no holes), online, or online in part (not online, with
/// holes).
template <class Platform, buddy_shape Shape>
class radix_core {
    static_assert(atomics<Platform>,
                  "radix_buddy<Platform>: Platform needs a member template atomic<T> with the interface of "
                  "ashlar::builtin_atomic");

 public:
    using row_bits = std::conditional_t<Shape.word_bits == 64, std::uint64_t, std::uint32_t>;
    using word = typename Platform::template atomic<row_bits>;
    using space = typename Platform::space;

 protected:
    using bits = row_bits;
    using geometry = radix_geometry<Shape, word>;
    using tree = hint_tree<word>;
    using hole_list = hole_table<word, Shape.line_order>;
    using moves = transit<word>;

    static constexpr unsigned row_order = Shape.row_order;
    static constexpr unsigned line_order = Shape.line_order;
    static constexpr unsigned word_order = geometry::word_order;
    static constexpr unsigned line_rows = geometry::line_rows;
    static constexpr bits full_row = geometry::full_row;
    static constexpr bits all_lines = static_cast<bits>(~bits{0});
    static_assert(line_rows <= 32, "radix_buddy: at most 32 rows to a line");

    constexpr void bind(const geometry& at, view<word> words) noexcept {
        at_ = at;
        words_ = words.data();
        row_tree_ = tree(words.subview(at.row_tree_at, at.whole_tree_at - at.row_tree_at), root_word(),
                         transit_word(), 0, at.lines);
        whole_tree_ = tree(words.subview(at.whole_tree_at, at.holes_at - at.whole_tree_at), root_word(),
                           transit_word(), 1, at.whole_words);
        holes_ = hole_list(words.subview(at.holes_at, at.holes), lock_word());
    }
    [[nodiscard]] constexpr bool attached() const noexcept { return words_ != nullptr; }
    [[nodiscard]] constexpr range<space> attached_range() const noexcept {
        return {frame<space>{at_.first}, at_.count};
    }

    [[nodiscard]] constexpr word& root_word() const noexcept { return words_[geometry::root_at]; }
    [[nodiscard]] constexpr word& lock_word() const noexcept { return words_[geometry::lock_at]; }
    [[nodiscard]] constexpr word& transit_word() const noexcept { return words_[geometry::transit_at]; }
    [[nodiscard]] constexpr word& lost_word() const noexcept { return words_[geometry::lost_at]; }
    constexpr void lose(std::uint64_t frames) const noexcept {
        if (frames != 0) lost_word().fetch_add(static_cast<bits>(frames), memory_order::relaxed);
    }
    [[nodiscard]] constexpr word& row(std::size_t line, unsigned index) const noexcept {
        return words_[geometry::rows_at + line * line_rows + index];
    }
    [[nodiscard]] constexpr word& whole(std::size_t index) const noexcept {
        return words_[at_.whole_at + index];
    }
    [[nodiscard]] constexpr word& online(std::size_t index) const noexcept {
        return words_[at_.online_at + index];
    }
    [[nodiscard]] constexpr word& isolated(std::size_t index) const noexcept {
        return words_[at_.isolated_at + index];
    }

    /// All rows of a line together. Unrolled: frees of lines spend their time here.
    [[nodiscard, gnu::always_inline]] static constexpr bits any_of_line(const word* rows) noexcept {
        return [rows]<std::size_t... index>(std::index_sequence<index...>) noexcept {
            return static_cast<bits>((rows[index].load(memory_order::relaxed) | ...));
        }
        (std::make_index_sequence<line_rows>{});
    }

    [[nodiscard]] constexpr bool is_whole(std::size_t line) const noexcept {
        return (whole(at_.word_of_line(line)).load(memory_order::relaxed) & at_.bit_of_line(line)) != 0;
    }
    [[nodiscard]] constexpr bool is_online(std::size_t line) const noexcept {
        return (online(at_.word_of_line(line)).load(memory_order::acquire) & at_.bit_of_line(line)) != 0;
    }
    [[nodiscard]] constexpr bool is_isolated(std::size_t line) const noexcept {
        return (isolated(at_.word_of_line(line)).load(memory_order::seq_cst) & at_.bit_of_line(line)) != 0;
    }
    /// The line with frame 0, which is never handed out unasked: it never becomes whole.
    [[nodiscard]] constexpr bool holds_frame_zero(std::size_t line) const noexcept {
        return at_.base_line == 0 && line == 0;
    }
    /// A row's free frames without frame 0.
    [[nodiscard]] constexpr bits offered(std::size_t line, unsigned index, bits value) const noexcept {
        return holds_frame_zero(line) && index == 0 ? static_cast<bits>(value & ~bits{1}) : value;
    }

    /// The hint of a line: one more than the largest order its rows can serve now.
    [[nodiscard]] constexpr unsigned line_rank(std::size_t line) const noexcept {
        if (is_isolated(line)) return 0;
        unsigned rank = 0;
        std::uint32_t full = 0;
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits value = offered(line, i, row(line, i).load(memory_order::seq_cst));
            if (value == full_row) full |= std::uint32_t{1} << i;
            const unsigned here = largest_block(value);
            if (here > rank) rank = here;
        }
        if (full != 0) rank = row_order + largest_block(full);
        return rank < line_order ? rank : line_order;
    }
    /// The hint of a word of whole lines: one more than the order of its largest block, in lines.
    [[nodiscard]] constexpr unsigned word_rank(std::size_t index) const noexcept {
        return largest_block(offered_lines(index));
    }
    [[nodiscard]] constexpr bits offered_lines(std::size_t index) const noexcept {
        return static_cast<bits>(whole(index).load(memory_order::seq_cst) &
                                 ~isolated(index).load(memory_order::seq_cst));
    }
    /// True of every line where classes are not kept.
    [[nodiscard]] constexpr bool is_of_class(std::size_t line, mobility wanted) const noexcept {
        if constexpr (!Shape.mobility_classes) return true;
        return (classes().of_class(at_.word_of_line(line), wanted) & at_.bit_of_line(line)) != 0;
    }
    constexpr void set_class(std::size_t line, mobility to) noexcept {
        if constexpr (Shape.mobility_classes) {
            classes().set(at_.word_of_line(line), at_.bit_of_line(line), to);
        }
    }
    [[nodiscard]] constexpr mobility_map<word> classes() const noexcept {
        return {words_ + at_.mobility_at, at_.whole_words};
    }
    constexpr void settle_line(std::size_t line) noexcept {
        row_tree_.settle(line, [this, line]() noexcept { return line_rank(line); });
    }
    constexpr void settle_word(std::size_t index) noexcept {
        whole_tree_.settle(index, [this, index]() noexcept { return word_rank(index); });
    }

    /// Why a frame of the attached range is not online; none if it is.
    [[nodiscard]] constexpr absence why_absent(std::uint64_t number) const noexcept {
        const std::size_t line = at_.line_of(number);
        while (!is_online(line)) {
            const bits before = changes(memory_order::acquire);
            const absence why = why_absent_now(line, number);
            if (changes(memory_order::relaxed) == before) return why;
        }
        return absence::none;
    }
    /// ok when every frame is online; else revoked or not_owned.
    [[nodiscard]] constexpr errc check_online(range<space> frames) const noexcept {
        errc error = errc::ok;
        for_each_piece(frames, [&](std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
            if (error != errc::ok || is_online(line)) return;
            for (std::uint64_t i = 0; i < count && error == errc::ok; ++i) {
                const absence why = why_absent(first + i);
                if (why != absence::none) error = why == absence::revoked ? errc::revoked : errc::not_owned;
            }
        });
        return error;
    }

    /// Calls `visit(line, first frame number, count)` for the part of `frames` in each line.
    template <class Visit>
    constexpr void for_each_piece(range<space> frames, Visit&& visit) const noexcept {
        std::uint64_t number = frames.first.number;
        const std::uint64_t end = frames.end().number;
        while (number < end) {
            const std::uint64_t line_end = ((number >> line_order) + 1) << line_order;
            const std::uint64_t piece_end = line_end < end ? line_end : end;
            visit(at_.line_of(number), number, piece_end - number);
            number = piece_end;
        }
    }
    /// Calls `visit(line, row, mask)` for the rows of a piece of one line.
    template <class Visit>
    constexpr void for_each_row(std::uint64_t number, std::uint64_t count, Visit&& visit) const noexcept {
        const std::uint64_t end = number + count;
        while (number < end) {
            const std::uint64_t row_end = ((number >> row_order) + 1) << row_order;
            const std::uint64_t piece_end = row_end < end ? row_end : end;
            visit(at_.line_of(number), geometry::row_of(number),
                  static_cast<bits>(low_bits<bits>(static_cast<unsigned>(piece_end - number))
                                    << geometry::bit_of(number)));
            number = piece_end;
        }
    }
    /// Calls `visit(word, mask)` for lines [first, last).
    template <class Visit>
    constexpr void for_each_line_mask(std::size_t first, std::size_t last, Visit&& visit) const noexcept {
        while (first < last) {
            const std::size_t index = at_.word_of_line(first);
            const unsigned from = static_cast<unsigned>((first + at_.line_skew) % geometry::word_lines);
            const std::size_t room = geometry::word_lines - from;
            const std::size_t count = last - first < room ? last - first : room;
            visit(index, static_cast<bits>(low_bits<bits>(static_cast<unsigned>(count)) << from));
            first += count;
        }
    }
    /// The whole lines of `frames`, as line numbers [first, last); a line with frame 0 is never one.
    struct line_span {
        std::size_t first = 0;
        std::size_t last = 0;
    };
    [[nodiscard]] constexpr line_span whole_lines(range<space> frames) const noexcept {
        const std::uint64_t mask = geometry::line_frames - 1;
        std::uint64_t first = (frames.first.number + mask) & ~mask;
        const std::uint64_t last = frames.end().number & ~mask;
        if (first == 0) first = geometry::line_frames;
        if (first >= last) return {};
        return {at_.line_of(first), at_.line_of(last)};
    }

    /// Calls `visit(line, first, count)` for what lies before and behind the whole lines of `frames`.
    template <class Visit>
    constexpr void for_each_edge(range<space> frames, line_span whole, Visit&& visit) const noexcept {
        if (whole.first == whole.last) return for_each_piece(frames, visit);
        const frame<space> first{at_.frame_of_line(whole.first)};
        const frame<space> last{at_.frame_of_line(whole.last)};
        for_each_piece(range<space>::between(frames.first, first), visit);
        for_each_piece(range<space>::between(last, frames.end()), visit);
    }

    word* words_ = nullptr;
    geometry at_{};
    tree row_tree_{};
    tree whole_tree_{};
    hole_list holes_{};

 private:
    /// How often holes changed.
    [[nodiscard]] constexpr bits changes(memory_order order) const noexcept {
        return static_cast<bits>(lock_word().load(order) | 1);
    }
    [[nodiscard]] constexpr absence why_absent_now(std::size_t line, std::uint64_t number) const noexcept {
        if (is_online(line)) return absence::none;
        if (holes_.has_line(line)) return holes_.why_absent(number - at_.base_frame());
        return is_isolated(line) ? absence::revoked : absence::never;
    }
};

}  // namespace ashlar::detail
