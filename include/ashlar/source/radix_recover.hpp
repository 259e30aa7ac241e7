// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/source/radix_presence.hpp>
#include <bit>

namespace ashlar::detail {

/// Checking and rebuilding: what `attach` with `recover` does, and `validate`.
///
/// Trusted: rows, whole bits, flags, holes. Rebuilt: merges, hints, transit, lock. An operation that a crash
/// cut off leaves its own frames used (a leak of at most the block it was moving, at least a line), never
/// free twice.
template <class Platform, buddy_shape Shape>
class radix_recover : public radix_presence<Platform, Shape> {
    using presence = radix_presence<Platform, Shape>;

 protected:
    using presence::at_;
    using presence::full_row;
    using presence::holes_;
    using presence::line_order;
    using presence::line_rows;
    using presence::row_tree_;
    using presence::whole_tree_;
    using typename presence::bits;
    using typename presence::geometry;
    using typename presence::moves;
    using typename presence::stretch;

    static constexpr std::uint64_t magic = 0x41534852;  // "ASHR"
    static constexpr std::uint64_t layout_version = 1;

    constexpr void write_identity() noexcept {
        for (std::size_t i = 0; i < identity_words; ++i) {
            // After what it vouches for, should this be the last that a CPU does.
            this->words_[i].store(identity(i), memory_order::release);
        }
    }
    [[nodiscard]] constexpr bool has_identity() const noexcept {
        for (std::size_t i = 0; i < identity_words; ++i) {
            if (this->words_[i].load(memory_order::relaxed) != identity(i)) return false;
        }
        return true;
    }

    /// Contradictions that no crash can leave behind. Reads only.
    [[nodiscard]] constexpr bool is_plausible() const noexcept {
        for (std::size_t index = 0; index < at_.whole_words; ++index) {
            const bits outside = static_cast<bits>(~lines_of(index));
            const bits flags = static_cast<bits>(this->whole(index).load(memory_order::relaxed) |
                                                 this->online(index).load(memory_order::relaxed) |
                                                 this->isolated(index).load(memory_order::relaxed));
            if ((flags & outside) != 0) return false;
        }
        for (std::size_t line = 0; line < at_.lines; ++line) {
            bits any = 0;
            for (unsigned i = 0; i < line_rows; ++i) any |= this->row(line, i).load(memory_order::relaxed);
            if ((any & ~full_row) != 0 || (any != 0 && this->is_whole(line))) return false;
        }
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count != 0 &&
                (hole.line() >= at_.lines || (hole.end() - 1) >> line_order != hole.line())) {
                return false;
            }
        }
        return !this->holds_frame_zero(0) || !this->is_whole(0);
    }

    /// Rebuilds everything that is derived. `live(frame number)` is asked for each frame that is online and
    /// not free; those that are not live become free.
    template <class Live>
    constexpr void rebuild(Live&& live) noexcept {
        this->lock_word().store(0, memory_order::relaxed);
        this->transit_word().store(0, memory_order::relaxed);
        this->root_word().store(0, memory_order::relaxed);
        this->lost_word().store(0, memory_order::relaxed);
        for (std::size_t i = at_.row_tree_at; i < at_.holes_at; ++i)
            this->words_[i].store(0, memory_order::relaxed);
        settle_holes();
        for (std::size_t line = 0; line < at_.lines; ++line) rebuild_line(line, live);
        for (std::size_t index = 0; index < at_.whole_words; ++index) {
            if (const unsigned rank = this->word_rank(index); rank != 0) whole_tree_.raise(index, rank);
        }
    }

    /// Everything that holds at quiescence.
    [[nodiscard]] constexpr bool is_consistent() const noexcept {
        if (!has_identity() || !is_plausible()) return false;
        if (!moves::quiet(moves::read(this->transit_word()))) return false;
        if ((this->lock_word().load(memory_order::relaxed) & 1) != 0) return false;
        if (!row_tree_.bounds_hold() || !whole_tree_.bounds_hold() || !are_holes_sound()) return false;
        for (std::size_t line = 0; line < at_.lines; ++line) {
            if (!is_line_consistent(line)) return false;
        }
        for (std::size_t index = 0; index < at_.whole_words; ++index) {
            if (whole_tree_.peek(index) < this->word_rank(index)) return false;
        }
        return true;
    }

 private:
    static constexpr std::size_t identity_words = 6;

    [[nodiscard]] constexpr bits identity(std::size_t index) const noexcept {
        switch (index) {
            case 0:
                return static_cast<bits>(magic);
            case 1:
                return static_cast<bits>(layout_version << 16 | Shape.word_bits << 8 | Shape.top_order);
            case 2:
                return static_cast<bits>((Shape.mobility_classes ? 1u << 24 : 0u) | Shape.row_order << 16 |
                                         Shape.line_order << 8 | Shape.pageblock_order);
            case 3:
                return static_cast<bits>(at_.first);
            case 4:
                return static_cast<bits>(at_.count);
            default:
                return static_cast<bits>(at_.holes);
        }
    }

    /// The bits of a word that stand for lines of the attached range.
    [[nodiscard]] constexpr bits lines_of(std::size_t index) const noexcept {
        const std::size_t end = at_.lines + at_.line_skew - index * geometry::word_lines;
        const bits before = index == 0 ? low_bits<bits>(at_.line_skew) : bits{0};
        return static_cast<bits>((end < geometry::word_lines ? low_bits<bits>(static_cast<unsigned>(end))
                                                             : static_cast<bits>(~bits{0})) &
                                 ~before);
    }

    [[nodiscard]] constexpr bits present_bits(std::size_t line, unsigned index) const noexcept {
        if (this->is_online(line)) return full_row;
        if (!holes_.has_line(line)) return 0;
        const std::uint64_t first = at_.frame_of_line(line) + index * geometry::row_frames;
        bits present = 0;
        for (unsigned bit = 0; bit < geometry::row_frames; ++bit) {
            if (this->why_absent(first + bit) == absence::none) present |= static_cast<bits>(bits{1} << bit);
        }
        return present;
    }

    /// None is of a whole line or of one that is online, and no two of them overlap.
    [[nodiscard]] constexpr bool are_holes_sound() const noexcept {
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count == 0) continue;
            if (hole.count == geometry::line_frames) return false;
            if (this->is_online(static_cast<std::size_t>(hole.line()))) return false;
            for (std::size_t before = 0; before < slot; ++before) {
                const stretch other = holes_.at(before);
                if (hole.first < other.end() && other.first < hole.end()) return false;
            }
        }
        return true;
    }

    /// A line whose holes were being changed: covered whole means that it was leaving or had not arrived;
    /// online with holes means that the holes had come (revoked) or were still there.
    constexpr void settle_holes() noexcept {
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count == 0) continue;
            const auto line = static_cast<std::size_t>(hole.line());
            const auto index = at_.word_of_line(line);
            const bits others = static_cast<bits>(~at_.bit_of_line(line));
            this->online(index).fetch_and(others, memory_order::relaxed);
            if (hole.count != geometry::line_frames) continue;
            if (hole.why == absence::revoked) {
                this->isolated(index).fetch_or(static_cast<bits>(~others), memory_order::relaxed);
            } else {
                this->isolated(index).fetch_and(others, memory_order::relaxed);
            }
            holes_.remove_line(line);
        }
        holes_.drop_covered();
    }

    template <class Live>
    constexpr void rebuild_line(std::size_t line, Live&& live) noexcept {
        const auto index = at_.word_of_line(line);
        const bits bit = at_.bit_of_line(line);
        if (!this->is_online(line))
            this->whole(index).fetch_and(static_cast<bits>(~bit), memory_order::relaxed);
        if (this->is_whole(line)) return;
        bool full = true;
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits present = present_bits(line, i);
            bits value = static_cast<bits>(this->row(line, i).load(memory_order::relaxed) & present);
            const std::uint64_t first = at_.frame_of_line(line) + i * geometry::row_frames;
            for (bits used = static_cast<bits>(present & ~value); used != 0;
                 used &= static_cast<bits>(used - 1)) {
                const auto at = static_cast<unsigned>(std::countr_zero(used));
                if (!live(first + at)) value |= static_cast<bits>(bits{1} << at);
            }
            this->row(line, i).store(value, memory_order::relaxed);
            full = full && value == full_row;
        }
        if (full && !this->holds_frame_zero(line)) {
            for (unsigned i = 0; i < line_rows; ++i) this->row(line, i).store(0, memory_order::relaxed);
            this->whole(index).fetch_or(bit, memory_order::relaxed);
        } else if (const unsigned rank = this->line_rank(line); rank != 0) {
            row_tree_.raise(line, rank);
        }
    }

    [[nodiscard]] constexpr bool is_line_consistent(std::size_t line) const noexcept {
        if (this->is_whole(line)) return this->is_online(line);
        bool full = true;
        for (unsigned i = 0; i < line_rows; ++i) {
            const bits value = this->row(line, i).load(memory_order::relaxed);
            if (value != 0 && (value & ~present_bits(line, i)) != 0) return false;
            full = full && value == full_row;
        }
        if (full && !this->holds_frame_zero(line)) return false;
        return row_tree_.peek(line) >= this->line_rank(line);
    }
};

}  // namespace ashlar::detail
