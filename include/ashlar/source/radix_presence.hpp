// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/source/radix_take_rows.hpp>
#include <bit>

namespace ashlar::detail {

/// Which frames are online, isolated, revoked. One caller at a time (the lock; others are told busy); takers
/// and givers go on meanwhile and re-read the flags after they gave.
template <class Platform, buddy_shape Shape>
class radix_presence : public radix_take_rows<Platform, Shape> {
    using take = radix_take_rows<Platform, Shape>;

 protected:
    using take::at_;
    using take::full_row;
    using take::holes_;
    using take::line_order;
    using take::line_rows;
    using take::row_tree_;
    using take::whole_tree_;
    using typename take::bits;
    using typename take::geometry;
    using typename take::hole_list;
    using typename take::moves;
    using typename take::space;
    using stretch = typename hole_list::stretch;

    /// A partly changed line needs at most two more entries, and one while it changes; a range has two such
    /// lines.
    static constexpr std::size_t slots_per_change = 6;

    /// The lock, held while it lives if `held`.
    class presence_lock {
     public:
        constexpr explicit presence_lock(typename take::word& word) noexcept : word_(word) {
            bits seen = word_.load(memory_order::relaxed);
            held_ = (seen & 1) == 0 && word_.compare_exchange(seen, seen | 1, memory_order::acquire);
        }
        constexpr ~presence_lock() {
            if (held_) word_.fetch_and(static_cast<bits>(~bits{1}), memory_order::release);
        }
        presence_lock(const presence_lock&) = delete;
        presence_lock& operator=(const presence_lock&) = delete;
        [[nodiscard]] constexpr bool held() const noexcept { return held_; }

     private:
        typename take::word& word_;
        bool held_ = false;
    };

    [[nodiscard]] constexpr errc check_inside(range<space> frames) const noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        if (!this->attached_range().contains(frames)) return errc::not_owned;
        return errc::ok;
    }

    constexpr errc bring_online(range<space> frames) noexcept {
        presence_lock lock(this->lock_word());
        if (!lock.held()) return errc::busy;
        if (const errc error = check_absent(frames); error != errc::ok) return error;
        const auto whole = this->whole_lines(frames);
        const bool in_part = std::uint64_t{whole.last - whole.first} << line_order != frames.count;
        if (in_part && holes_.free_slots() < slots_per_change) return errc::limit;
        this->for_each_line_mask(whole.first, whole.last, [this](std::size_t index, bits lines) noexcept {
            this->online(index).fetch_or(lines, memory_order::relaxed);
        });
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count != 0 && hole.line() - whole.first < whole.last - whole.first)
                holes_.replace(slot, {});
        }
        this->for_each_edge(frames, whole,
                            [this](std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
                                fill_holes(line, first, count);
                            });
        this->release(frames);
        return errc::ok;
    }

    constexpr errc take_offline(range<space> frames) noexcept {
        presence_lock lock(this->lock_word());
        if (!lock.held()) return errc::busy;
        if (const errc error = this->check_online(frames); error != errc::ok) return error;
        bool isolated = true;
        bool in_part = false;
        this->for_each_piece(frames, [&](std::size_t line, std::uint64_t, std::uint64_t count) noexcept {
            isolated = isolated && this->is_isolated(line);
            in_part = in_part || count != geometry::line_frames;
        });
        if (!isolated) return errc::busy;
        if (in_part && holes_.free_slots() < slots_per_change) return errc::limit;
        if (!this->claim(frames)) return errc::busy;
        this->for_each_piece(frames,
                             [&](std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
                                 remove(line, first, count, absence::never);
                             });
        return errc::ok;
    }

    constexpr result<std::uint64_t> revoke_frames(range<space> frames) noexcept {
        presence_lock lock(this->lock_word());
        if (!lock.held()) return errc::busy;
        if (const errc error = this->check_online(frames); error != errc::ok) return error;
        bool in_part = false;
        this->for_each_piece(frames, [&](std::size_t, std::uint64_t, std::uint64_t count) noexcept {
            in_part = in_part || count != geometry::line_frames;
        });
        if (in_part && holes_.free_slots() < slots_per_change) return errc::limit;
        std::uint64_t left = 0;
        this->for_each_piece(frames,
                             [&](std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
                                 remove(line, first, count, absence::revoked);
                                 left += sweep(line, first, count);
                             });
        return left;
    }

    /// Sets or clears the isolated flag of every line of `frames` that has an online frame.
    constexpr errc set_isolated(range<space> frames, bool on) noexcept {
        const std::uint64_t mask = geometry::line_frames - 1;
        const std::uint64_t end = frames.end().number;
        if ((frames.first.number != at_.first && (frames.first.number & mask) != 0) ||
            (end != at_.first + at_.count && (end & mask) != 0)) {
            return errc::misaligned;
        }
        presence_lock lock(this->lock_word());
        if (!lock.held()) return errc::busy;
        const std::size_t first = at_.line_of(frames.first.number);
        const std::size_t last = at_.line_of(end - 1) + 1;
        bool any = false;
        this->for_each_line_mask(first, last, [&](std::size_t index, bits lines) noexcept {
            const bits present = static_cast<bits>(lines & present_lines(index));
            any = any || present != 0;
            if (present == 0) return;
            if (on) {
                this->isolated(index).fetch_or(present, memory_order::relaxed);
            } else {
                this->isolated(index).fetch_and(static_cast<bits>(~present), memory_order::seq_cst);
            }
            rehint(index, present);
        });
        return any ? errc::ok : errc::not_owned;
    }

    /// Lines of a word with at least one online frame.
    [[nodiscard]] constexpr bits present_lines(std::size_t index) const noexcept {
        bits present = this->online(index).load(memory_order::relaxed);
        const std::uint64_t base = at_.frame_of_word(index);
        for (bits rest = static_cast<bits>(lines_with_holes(index) & ~present); rest != 0;
             rest = static_cast<bits>(rest & (rest - 1))) {
            const auto bit = static_cast<unsigned>(std::countr_zero(rest));
            if (has_present_frame(at_.line_of(base + (std::uint64_t{bit} << line_order)))) {
                present |= static_cast<bits>(bits{1} << bit);
            }
        }
        return present;
    }

 private:
    [[nodiscard]] constexpr bits lines_with_holes(std::size_t index) const noexcept {
        bits lines = 0;
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count == 0) continue;
            const auto line = static_cast<std::size_t>(hole.line());
            if (at_.word_of_line(line) == index) lines |= at_.bit_of_line(line);
        }
        return lines;
    }
    /// True when the holes of a line that is online in part leave a frame between them.
    [[nodiscard]] constexpr bool has_present_frame(std::size_t line) const noexcept {
        std::uint64_t covered = start_of(line);
        for (bool further = true; further;) {
            further = false;
            for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
                const stretch hole = holes_.at(slot);
                if (hole.first > covered || hole.end() <= covered) continue;
                covered = hole.end();
                further = true;
            }
        }
        return covered < start_of(line) + geometry::line_frames;
    }
    [[nodiscard]] static constexpr std::uint64_t start_of(std::size_t line) noexcept {
        return std::uint64_t{line} << line_order;
    }
    constexpr void set_online(std::size_t line) noexcept {
        this->online(at_.word_of_line(line)).fetch_or(at_.bit_of_line(line), memory_order::relaxed);
    }
    constexpr void clear_online(std::size_t line) noexcept {
        this->online(at_.word_of_line(line))
            .fetch_and(static_cast<bits>(~at_.bit_of_line(line)), memory_order::release);
    }

    /// ok when every frame is absent and none is revoked.
    [[nodiscard]] constexpr errc check_absent(range<space> frames) const noexcept {
        const std::size_t first = at_.line_of(frames.first.number);
        const std::size_t last = at_.line_of(frames.end().number - 1) + 1;
        errc error = errc::ok;
        this->for_each_line_mask(first, last, [&](std::size_t index, bits lines) noexcept {
            const bits online = this->online(index).load(memory_order::relaxed);
            const bits in_part = static_cast<bits>(lines_with_holes(index) & ~online);
            const bits revoked =
                static_cast<bits>(this->isolated(index).load(memory_order::relaxed) & ~(online | in_part));
            if ((online & lines) != 0) {
                error = errc::busy;
            } else if ((revoked & lines) != 0 && error == errc::ok) {
                error = errc::revoked;
            }
            for (bits rest = in_part & lines; rest != 0; rest = static_cast<bits>(rest & (rest - 1))) {
                const auto bit = static_cast<unsigned>(std::countr_zero(rest));
                const frame<space> line{at_.frame_of_word(index) + (std::uint64_t{bit} << line_order)};
                const auto piece = frames.clipped_to(block(line, line_order));
                for (std::uint64_t i = 0; i < piece.count && error == errc::ok; ++i) {
                    const absence why = this->why_absent(piece.first.number + i);
                    if (why == absence::none) error = errc::busy;
                    if (why == absence::revoked) error = errc::revoked;
                }
            }
        });
        return error;
    }

    /// Frames of a line that is not wholly online arrive.
    constexpr void fill_holes(std::size_t line, std::uint64_t number, std::uint64_t count) noexcept {
        const std::uint64_t first = number - at_.base_frame();
        const std::uint64_t end = first + count;
        if (count == geometry::line_frames) {
            set_online(line);
            holes_.remove_line(line);
            return;
        }
        if (!holes_.has_line(line)) {
            // The whole line stays covered until the final holes are in place.
            const stretch all{start_of(line), geometry::line_frames, absence::never};
            holes_.insert(all);
            insert_if_any({all.first, first - all.first, absence::never});
            insert_if_any({end, all.end() - end, absence::never});
            for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
                if (holes_.at(slot).first == all.first && holes_.at(slot).count == all.count) {
                    holes_.replace(slot, {});
                }
            }
            return;
        }
        std::uint64_t missing = 0;
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count != 0 && hole.line() == line) missing += hole.count;
        }
        if (missing == count) set_online(line);
        for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
            const stretch hole = holes_.at(slot);
            if (hole.count == 0 || hole.end() <= first || hole.first >= end) continue;
            const stretch left{hole.first, hole.first < first ? first - hole.first : 0, hole.why};
            const stretch right{end, hole.end() > end ? hole.end() - end : 0, hole.why};
            if (left.count != 0) insert_if_any(right);
            holes_.replace(slot, left.count != 0 ? left : right);
        }
    }

    constexpr void insert_if_any(stretch hole) noexcept {
        if (hole.count != 0) holes_.insert(hole);
    }

    /// Frames of a line leave. A line without any frame left becomes absent or revoked.
    constexpr void remove(std::size_t line, std::uint64_t number, std::uint64_t count, absence why) noexcept {
        const auto index = at_.word_of_line(line);
        const bits bit = at_.bit_of_line(line);
        bool all_gone = false;
        if (count != geometry::line_frames) {
            all_gone = add_hole(line, number - at_.base_frame(), count, why);
            clear_online(line);
            if (!all_gone && has_present_frame(line)) return;
            if (!all_gone) why = absence::never;  // the holes remain, and tell which frames were revoked
        }
        // Before the line is not online any more, or told apart by its holes: who sees that sees this.
        if (why == absence::revoked) {
            this->isolated(index).fetch_or(bit, memory_order::relaxed);
        } else {
            this->isolated(index).fetch_and(static_cast<bits>(~bit), memory_order::relaxed);
        }
        clear_online(line);
        if (count == geometry::line_frames || all_gone) holes_.remove_line(line);
    }

    /// Joins the new hole with its neighbours of the same kind. True when one hole covers the whole line.
    constexpr bool add_hole(std::size_t line, std::uint64_t first, std::uint64_t count,
                            absence why) noexcept {
        stretch joined{first, count, why};
        std::size_t place = holes_.size();
        for (bool grown = true; grown;) {
            grown = false;
            for (std::size_t slot = 0; slot < holes_.size(); ++slot) {
                const stretch hole = holes_.at(slot);
                if (hole.count == 0 || hole.line() != line || hole.why != why || slot == place) continue;
                if (hole.end() != joined.first && joined.end() != hole.first) continue;
                joined = {hole.first < joined.first ? hole.first : joined.first, hole.count + joined.count,
                          why};
                holes_.replace(slot, joined);
                if (place != holes_.size()) holes_.replace(place, {});
                place = slot;
                grown = true;
            }
        }
        if (place == holes_.size()) holes_.insert(joined);
        return joined.count == geometry::line_frames;
    }

    /// Takes the free bits of frames that have been revoked; how many there were.
    constexpr std::uint64_t sweep(std::size_t line, std::uint64_t first, std::uint64_t count) noexcept {
        const auto index = at_.word_of_line(line);
        const bits bit = at_.bit_of_line(line);
        std::uint64_t left = 0;
        moves::begin(this->transit_word());
        if ((this->whole(index).fetch_and(static_cast<bits>(~bit), memory_order::acq_rel) & bit) != 0) {
            if (count != geometry::line_frames) this->split_rows(line, first, count);
            left = count;
        } else {
            this->for_each_row(first, count, [&](std::size_t, unsigned row, bits mask) noexcept {
                const bits old =
                    this->row(line, row).fetch_and(static_cast<bits>(~mask), memory_order::acq_rel);
                left += static_cast<std::uint64_t>(std::popcount(static_cast<bits>(old & mask)));
            });
        }
        moves::end(this->transit_word());
        return left;
    }

    /// The flags of some lines changed: what may be taken there is told anew.
    constexpr void rehint(std::size_t index, bits lines) noexcept {
        const std::uint64_t base = at_.frame_of_word(index);
        for (bits rest = lines; rest != 0; rest = static_cast<bits>(rest & (rest - 1))) {
            const auto bit = static_cast<unsigned>(std::countr_zero(rest));
            const std::size_t line = at_.line_of(base + (std::uint64_t{bit} << line_order));
            this->settle_line(line);
            if (const unsigned rank = this->line_rank(line); rank != 0) row_tree_.raise(line, rank);
        }
        this->settle_word(index);
        if (const unsigned rank = this->word_rank(index); rank != 0) whole_tree_.raise(index, rank);
        moves::note(this->transit_word());
    }
};

}  // namespace ashlar::detail
