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
    using typename take::bits;
    using typename take::geometry;
    using typename take::search;
    using typename take::space;

    /// All free frames of a row that holds a block of the order, of a line of the class that is in use in
    /// part: of the line of `near` if it has one, else by placement.
    constexpr result<row_of_frames<space, bits>> take_any_row(search wanted) noexcept {
        row_of_frames<space, bits> taken{};
        const auto take_in = [&](std::size_t line) noexcept {
            return take_row_of(line, wanted.order, taken);
        };
        if (at_.holds(wanted.near, 0)) {
            const std::size_t line = at_.line_of(wanted.near);
            if (!this->is_isolated(line) && this->is_of_class(line, wanted.mobility) && take_in(line)) {
                return taken;
            }
        }
        this->walk_lines(wanted, take_in);
        return answer(taken, wanted);
    }
    /// The same of all classes, when there is none of the request's and no whole line.
    constexpr result<row_of_frames<space, bits>> take_row_of_others(search wanted) noexcept {
        row_of_frames<space, bits> taken{};
        this->walk_other_classes(
            wanted, [&](std::size_t line) noexcept { return take_row_of(line, wanted.order, taken); });
        return answer(taken, wanted);
    }

    /// The free lines of a window of 2^window_order lines: of the window of `near` if it has some, else where
    /// the fewest larger blocks are broken.
    constexpr result<row_of_frames<space, bits>> take_window(unsigned window_order, search wanted) noexcept {
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
        if (at_.holds(wanted.near, 0)) {
            const auto bit = static_cast<unsigned>(wanted.near >> line_order) & (geometry::word_lines - 1);
            if (take_at(at_.line_word_of(wanted.near), bit)) return taken;
        }
        this->walk_words(wanted, 1, [&](std::size_t index) noexcept {
            for (;;) {
                const bits seen = this->offered_lines(index);
                if (seen == 0) return false;
                if (take_at(index, tightest_block(seen, 0))) return true;
            }
        });
        return answer(taken, wanted);
    }

 private:
    [[nodiscard]] static constexpr result<row_of_frames<space, bits>> answer(
        const row_of_frames<space, bits>& taken, const search& wanted) noexcept {
        if (taken.mask != 0) return taken;
        return wanted.effort == 0 ? errc::limit : errc::exhausted;
    }
    constexpr bool take_row_of(std::size_t line, unsigned order, row_of_frames<space, bits>& taken) noexcept {
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
