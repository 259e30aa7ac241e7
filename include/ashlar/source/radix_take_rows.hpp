// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/radix_take.hpp>

namespace ashlar::detail {

/// How layers take more than one block asks for: all that is free of a row, or of a window of whole lines.
/// Neither is a move: what a layer has taken is in use.
template <class Platform, buddy_shape Shape>
class radix_take_rows : public radix_take<Platform, Shape> {
    using take = radix_take<Platform, Shape>;

 protected:
    using take::at_;
    using take::line_order;
    using take::line_rows;
    using take::row_tree_;
    using typename take::bits;
    using typename take::geometry;
    using typename take::search;
    using typename take::space;

    /// All free frames of a row that holds a block of `order`, of a line that is in use in part: of the line
    /// of `near` if it has one, else of any.
    constexpr result<row_of_frames<space, bits>> take_any_row(unsigned order, std::uint32_t effort,
                                                              std::uint64_t near) noexcept {
        row_of_frames<space, bits> taken{};
        if (at_.holds(near, 0) && take_row_of(at_.line_of(near), order, taken)) return taken;
        search wanted{order, at_.first + at_.count, effort};
        row_tree_.walk(order + 1, 0, at_.lines, [&](std::size_t line) noexcept {
            if (!wanted.spend() || take_row_of(line, order, taken)) return true;
            this->settle_line(line);
            return false;
        });
        if (taken.mask != 0) return taken;
        return wanted.effort == 0 ? errc::limit : errc::exhausted;
    }

    /// The free lines of a window of 2^window_order lines: of the window of `near` if it has some, else where
    /// the fewest larger blocks are broken.
    constexpr result<row_of_frames<space, bits>> take_window(unsigned window_order, std::uint32_t effort,
                                                             std::uint64_t near) noexcept {
        row_of_frames<space, bits> taken{};
        const bits window = low_bits<bits>(1u << window_order);
        const auto take_at = [&](std::size_t index, unsigned bit) noexcept {
            const unsigned start = bit & ~((1u << window_order) - 1);
            bits seen = this->whole(index).load(memory_order::relaxed);
            for (;;) {
                const bits mask = static_cast<bits>(
                    seen & ~this->isolated(index).load(memory_order::seq_cst) & (window << start));
                if (mask == 0) return false;
                if (!this->whole(index).compare_exchange(seen, static_cast<bits>(seen & ~mask),
                                                         memory_order::acq_rel)) {
                    continue;
                }
                taken = {frame<space>{at_.frame_of_word(index) + (std::uint64_t{start} << line_order)},
                         static_cast<bits>(mask >> start)};
                return true;
            }
        };
        if (at_.holds(near, 0)) {
            const auto bit = static_cast<unsigned>(near >> line_order) & (geometry::word_lines - 1);
            if (take_at(at_.line_word_of(near), bit)) return taken;
        }
        search wanted{line_order, at_.first + at_.count, effort};
        this->walk_words(wanted, 1, [&](std::size_t index) noexcept {
            for (;;) {
                const bits seen = this->offered_lines(index);
                if (seen == 0) return false;
                if (take_at(index, tightest_block(seen, 0))) return true;
            }
        });
        if (taken.mask != 0) return taken;
        return wanted.effort == 0 ? errc::limit : errc::exhausted;
    }

 private:
    constexpr bool take_row_of(std::size_t line, unsigned order, row_of_frames<space, bits>& taken) noexcept {
        if (this->is_isolated(line)) return false;
        for (unsigned i = 0; i < line_rows; ++i) {
            auto& row = this->row(line, i);
            bits seen = row.load(memory_order::relaxed);
            for (;;) {
                const bits mask = this->offered(line, i, seen);
                if (free_blocks(mask, order) == 0) break;
                if (row.compare_exchange(seen, static_cast<bits>(seen & ~mask), memory_order::acq_rel)) {
                    taken = {frame<space>{at_.frame_of_line(line) + i * geometry::row_frames}, mask};
                    return true;
                }
            }
        }
        return false;
    }
};

}  // namespace ashlar::detail
