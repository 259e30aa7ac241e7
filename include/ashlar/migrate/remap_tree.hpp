// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/migrate/remap_cells.hpp>
#include <ashlar/migrate/remap_lines.hpp>
#include <ashlar/migrate/remap_overtaken.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// The tree of a `remap_table`: which entry has the origin at a place. A view. The class comment there tells
/// the protocol.
///
/// - A cell is empty, an entry, or leads to a line: {line, shift, 1}. The cells of that line are told apart
///   by the `LineOrder` bits of the place from `shift` on; what is below agrees in all bits above.
/// - A root cell stands for 2^root_order places. Below, shifts only become smaller; bits in which all that is
///   there agrees are passed over, so each line has at least two cells that are not empty, and as many lines
///   as entries are enough whatever the entries are.
template <class Word, unsigned LineOrder>
class remap_tree {
 public:
    using value = typename Word::value_type;
    using cells = remap_cells<value>;

    constexpr remap_tree() noexcept = default;
    constexpr remap_tree(cells code, unsigned root_order, Word* roots, Word* lines, remap_lines<Word> used,
                         remap_overtaken<Word> overtaken) noexcept
        : code_(code),
          root_order_(root_order),
          roots_(roots),
          lines_(lines),
          used_(used),
          overtaken_(overtaken) {}

    static constexpr unsigned shift_bits = 6;
    static constexpr std::uint64_t most_lines = std::uint64_t{1}
                                                << (std::numeric_limits<value>::digits - shift_bits - 1);

    /// The entry, or empty. Wait-free, at most 3 walks of ceil(root_order / LineOrder) + 1 loads each.
    [[nodiscard]] constexpr value find(value place) const noexcept {
        const value root = root_of(place).load(memory_order::acquire);
        if (!is_line(root)) return code_.is_entry_of(root, place) ? root : cells::empty;
        return overtaken_.certain([this, place]() noexcept { return walk(place); });
    }

    /// `limit` if there is no room for one more origin; `busy` if a reader is overtaken. `before_first()` is
    /// called before the entry of an origin that is not mapped is there. With the writer's turn.
    template <class Act>
    constexpr errc assign(value place, value entry, bool has_room, Act before_first) const noexcept {
        Word* at = nullptr;
        value cell = cells::empty;
        for (at = &root_of(place);; at = &cell_of(cell, place)) {
            cell = at->load(memory_order::relaxed);
            if (!is_line(cell) || !agrees(cell, place)) break;
        }
        const bool is_there = !is_line(cell) && code_.is_entry_of(cell, place);
        if (!is_there && !has_room) return errc::limit;
        if (cell != cells::empty && !is_there) {
            // What is there goes into a line of its own, and keeps its entries where readers find them.
            const std::size_t line = used_.take();
            if (line == remap_lines<Word>::none) return errc::limit;
            if (!overtaken_.use_again()) {
                used_.give(line);
                return errc::busy;
            }
            for (std::size_t i = 0; i < line_cells; ++i) word_of(line, i).store(0, memory_order::release);
            const value other = some_place(cell);
            const auto highest = static_cast<unsigned>(std::bit_width(static_cast<value>(other ^ place)) - 1);
            const unsigned shift = highest - highest % LineOrder;
            const value to_line = static_cast<value>(static_cast<value>(line) << (shift_bits + 1) |
                                                     static_cast<value>(shift << 1) | 1);
            cell_of(to_line, other).store(cell, memory_order::release);
            at->store(to_line, memory_order::release);
            at = &cell_of(to_line, place);
        }
        if (!is_there) before_first();
        at->store(entry, memory_order::release);
        return errc::ok;
    }

    /// `not_owned` if the origin is not mapped. With the writer's turn.
    constexpr errc erase(value place) const noexcept {
        Word* above = nullptr;
        Word* at = &root_of(place);
        value line = cells::empty;
        value cell = at->load(memory_order::relaxed);
        while (is_line(cell)) {
            above = at;
            line = cell;
            at = &cell_of(cell, place);
            cell = at->load(memory_order::relaxed);
        }
        if (!code_.is_entry_of(cell, place)) return errc::not_owned;
        at->store(cells::empty, memory_order::release);
        if (above != nullptr) shorten(*above, line);
        return errc::ok;
    }

    /// Is any of the 2^order places from `first` on, a multiple of that, mapped? With the writer's turn.
    [[nodiscard]] constexpr bool any_in(std::uint64_t first, unsigned order,
                                        std::uint64_t places) const noexcept {
        const auto inside = [=, this](value cell) noexcept {
            return cell != cells::empty && some_place(cell) >> order == first >> order;
        };
        if (order >= root_order_) {
            const std::uint64_t end = (first + ((std::uint64_t{1} << order) - 1)) >> root_order_;
            const std::uint64_t last = (places - 1) >> root_order_;
            for (std::uint64_t i = first >> root_order_; i <= (end < last ? end : last); ++i) {
                if (roots_[static_cast<std::size_t>(i)].load(memory_order::relaxed) != 0) return true;
            }
            return false;
        }
        value cell = root_of(static_cast<value>(first)).load(memory_order::relaxed);
        while (is_line(cell) && shift_of(cell) >= order) {
            cell = cell_of(cell, static_cast<value>(first)).load(memory_order::relaxed);
        }
        if (!is_line(cell)) return inside(cell);
        for (std::size_t i = 0; i < line_cells; ++i) {
            if (inside(word_of(line_of(cell), i).load(memory_order::relaxed))) return true;
        }
        return false;
    }

    /// Calls `sink(entry)` in the order of their places.
    template <class Sink>
    constexpr void visit(std::uint64_t roots, Sink& sink) const noexcept {
        for (std::size_t i = 0; i < roots; ++i) {
            visit_below(roots_[i].load(memory_order::acquire), root_order_, sink);
        }
    }

 private:
    static constexpr std::size_t line_cells = std::size_t{1} << LineOrder;
    struct look {
        value cell;
        bool certain;
    };

    [[nodiscard]] static constexpr bool is_line(value cell) noexcept { return (cell & 1) != 0; }
    [[nodiscard]] static constexpr unsigned shift_of(value cell) noexcept {
        return static_cast<unsigned>(cell >> 1) % (1u << shift_bits);
    }
    [[nodiscard]] static constexpr std::size_t line_of(value cell) noexcept {
        return static_cast<std::size_t>(cell >> (shift_bits + 1));
    }
    [[nodiscard]] constexpr Word& root_of(value place) const noexcept {
        return roots_[static_cast<std::size_t>(place >> root_order_)];
    }
    [[nodiscard]] constexpr Word& word_of(std::size_t line, std::size_t index) const noexcept {
        return lines_[line << LineOrder | index];
    }
    [[nodiscard]] constexpr Word& cell_of(value line, value place) const noexcept {
        return word_of(line_of(line), static_cast<std::size_t>(place >> shift_of(line)) % line_cells);
    }

    /// What is found by way of a line is certain if it is what was looked for. Shifts that do not become
    /// smaller show that a line was used again.
    [[nodiscard]] constexpr look walk(value place) const noexcept {
        value cell = root_of(place).load(memory_order::acquire);
        const bool at_root = !is_line(cell);
        for (unsigned below = root_order_; is_line(cell);) {
            const unsigned shift = shift_of(cell);
            if (shift >= below) return {cells::empty, false};
            below = shift;
            cell = cell_of(cell, place).load(memory_order::acquire);
        }
        if (code_.is_entry_of(cell, place)) return {cell, true};
        return {cells::empty, at_root};
    }

    /// The place of one of the entries at or below a cell that is not empty.
    [[nodiscard]] constexpr value some_place(value cell) const noexcept {
        while (is_line(cell)) {
            const std::size_t line = line_of(cell);
            for (std::size_t i = 0; i < line_cells; ++i) {
                cell = word_of(line, i).load(memory_order::relaxed);
                if (cell != cells::empty) break;
            }
        }
        return code_.place_of(cell);
    }
    /// True if a place agrees with what is below a line in all bits above it.
    [[nodiscard]] constexpr bool agrees(value line, value place) const noexcept {
        return (some_place(line) ^ place) >> shift_of(line) >> LineOrder == 0;
    }
    /// A line with one cell that is not empty is passed over, and free.
    constexpr void shorten(Word& above, value line) const noexcept {
        value last = cells::empty;
        for (std::size_t i = 0; i < line_cells; ++i) {
            const value cell = word_of(line_of(line), i).load(memory_order::relaxed);
            if (cell == cells::empty) continue;
            if (last != cells::empty) return;
            last = cell;
        }
        above.store(last, memory_order::release);
        used_.give(line_of(line));
    }
    template <class Sink>
    constexpr void visit_below(value cell, unsigned below, Sink& sink) const noexcept {
        if (cell == cells::empty) return;
        if (!is_line(cell)) return static_cast<void>(sink(cell));
        if (shift_of(cell) >= below) return;
        for (std::size_t i = 0; i < line_cells; ++i) {
            visit_below(word_of(line_of(cell), i).load(memory_order::acquire), shift_of(cell), sink);
        }
    }

    cells code_;
    unsigned root_order_ = 0;
    Word* roots_ = nullptr;
    Word* lines_ = nullptr;
    remap_lines<Word> used_;
    remap_overtaken<Word> overtaken_;
};

}  // namespace ashlar::detail
