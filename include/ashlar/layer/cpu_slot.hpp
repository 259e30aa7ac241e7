// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/layer/cpu_slots.hpp>
#include <ashlar/layer/held_units.hpp>
#include <ashlar/layer/own_words.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// A pair of held units in a slot's words, read and written by one at a time, relaxed.
template <class Word, class Units>
class held_place {
 public:
    constexpr held_place() noexcept = default;
    constexpr explicit held_place(Word* at) noexcept : words_(at) {}

    [[nodiscard, gnu::always_inline]] constexpr Units get() const noexcept {
        return {words_[0].load(memory_order::relaxed), words_[1].load(memory_order::relaxed)};
    }
    [[nodiscard]] constexpr typename Units::bits key() const noexcept {
        return words_[0].load(memory_order::relaxed);
    }
    [[nodiscard]] constexpr typename Units::bits units() const noexcept {
        return words_[1].load(memory_order::relaxed);
    }
    /// The unit of a frame is held. Often nothing is: the key is then not read.
    template <class Space>
    [[nodiscard, gnu::always_inline]] constexpr bool holds(frame<Space> one,
                                                           unsigned group_order) const noexcept {
        return units() != 0 && get().holds(one, group_order);
    }
    [[gnu::always_inline]] constexpr void set(Units to) const noexcept {
        words_[0].store(to.key, memory_order::relaxed);
        words_[1].store(to.mask, memory_order::relaxed);
    }
    /// The group stays, its units change.
    [[gnu::always_inline]] constexpr void leave(typename Units::bits mask) const noexcept {
        words_[1].store(mask, memory_order::relaxed);
    }
    /// What was there. It is not in the place any more before anybody may give it on.
    [[nodiscard, gnu::always_inline]] constexpr Units replace(Units by) const noexcept {
        const Units was = get();
        set(by);
        return was;
    }
    [[nodiscard, gnu::always_inline]] constexpr Units clear() const noexcept { return replace({}); }

 private:
    Word* words_ = nullptr;
};

/// A CPU's slot. On three levels (frames of a row, rows of a line, lines of a window) it holds some to
/// allocate from and some that were freed.
///
/// | word | what |
/// |---|---|
/// | 0 | lock of a shared slot, see `slot_lock` |
/// | then | for each mobility class: row to allocate from: key, frames |
/// | 2 | row of pending frees: key, frames |
/// | 1 | key of the row or window of the last free that went past it |
/// | then | for each mobility class: line to allocate rows from: key, rows |
/// | 2 | line of pending rows: key, rows |
/// | 2 and 2 | window to allocate lines from, window of pending lines: key, lines |
///
/// The slot's holder writes them, one at a time, by the guard or by the lock, relaxed; others read (counting,
/// isolating, freeing past a shared slot) and may see a key and a mask that do not belong together. The
/// key of the last free that went past is a hint, which those who free past the slot write, too. The frames
/// themselves are published by the source's words, from which they come and to which they go.
template <class Word, class Space, unsigned RowOrder, unsigned LineOrder, unsigned Classes = 1>
class cpu_slot : public slot_lock<Word> {
    using slot_lock<Word>::words_;
    using bits = typename Word::value_type;
    static constexpr unsigned used_words = 10 + 4 * Classes;

 public:
    using word = Word;
    using row = held_units<Space, bits, 0>;
    using rows = held_units<Space, bits, RowOrder>;
    using lines = held_units<Space, bits, LineOrder>;
    static constexpr std::size_t words =
        (used_words + layer_line_words<Word> - 1) / layer_line_words<Word> * layer_line_words<Word>;
    static constexpr bits identity = 0x6370'756cu;

    constexpr cpu_slot() noexcept = default;
    constexpr explicit cpu_slot(Word* at) noexcept : slot_lock<Word>(at) {}

    [[nodiscard]] constexpr held_place<Word, row> allocation(unsigned class_index) const noexcept {
        return at<row>(1 + 2 * class_index);
    }
    [[nodiscard]] constexpr held_place<Word, row> pending() const noexcept {
        return at<row>(1 + 2 * Classes);
    }
    [[nodiscard]] constexpr held_place<Word, rows> allocation_rows(unsigned class_index) const noexcept {
        return at<rows>(4 + 2 * Classes + 2 * class_index);
    }
    [[nodiscard]] constexpr held_place<Word, rows> pending_rows() const noexcept {
        return at<rows>(4 + 4 * Classes);
    }
    [[nodiscard]] constexpr held_place<Word, lines> allocation_lines() const noexcept {
        return at<lines>(6 + 4 * Classes);
    }
    [[nodiscard]] constexpr held_place<Word, lines> pending_lines() const noexcept {
        return at<lines>(8 + 4 * Classes);
    }

    /// True the second time in a row that it is asked for the same row or window.
    [[nodiscard]] constexpr bool is_repeated(bits key) const noexcept {
        if (words_[last_past_at].load(memory_order::relaxed) == key) return true;
        words_[last_past_at].store(key, memory_order::relaxed);
        return false;
    }

    /// Calls `visit(units, group order)` for what is held, on all levels.
    template <class Visit>
    constexpr void for_each_group(unsigned window_order, Visit&& visit) const noexcept {
        for (unsigned class_index = 0; class_index < Classes; ++class_index) {
            visit(allocation(class_index).get(), RowOrder);
            visit(allocation_rows(class_index).get(), LineOrder);
        }
        visit(pending().get(), RowOrder);
        visit(pending_rows().get(), LineOrder);
        visit(allocation_lines().get(), window_order);
        visit(pending_lines().get(), window_order);
    }
    [[nodiscard]] constexpr bool is_empty() const noexcept {
        bits any = 0;
        for_each_group(LineOrder, [&any](const auto& held, unsigned) noexcept {
            any = static_cast<bits>(any | held.mask);
        });
        return any == 0;
    }
    /// Part of the frames is held.
    [[nodiscard]] constexpr bool holds(range<Space> frames, unsigned window_order) const noexcept {
        bool any = false;
        for_each_group(window_order, [&](const auto& held, unsigned group_order) noexcept {
            any = any || held.holds(frames, group_order);
        });
        return any;
    }
    /// Part of a line is held, but not as a line. Who has only lines finds that out at once.
    [[nodiscard, gnu::always_inline]] constexpr bool holds_in_line(frame<Space> first) const noexcept {
        bits some = static_cast<bits>(pending().units() | pending_rows().units());
        for (unsigned class_index = 0; class_index < Classes; ++class_index) {
            some = static_cast<bits>(some | allocation(class_index).units() |
                                     allocation_rows(class_index).units());
        }
        return some != 0 && has_part_of_line(first.number >> LineOrder);
    }
    /// Part of the frames is in a group that the slot has, held or not.
    [[nodiscard]] constexpr bool touches(range<Space> frames, unsigned window_order) const noexcept {
        bool any = false;
        for_each_group(window_order, [&](const auto& held, unsigned group_order) noexcept {
            any = any || held.touches(frames, group_order);
        });
        return any;
    }
    constexpr void discard() const noexcept {
        for (unsigned i = 0; i < used_words; ++i) words_[i].store(0, memory_order::relaxed);
    }

 private:
    static constexpr unsigned last_past_at = 3 + 2 * Classes;

    [[nodiscard, gnu::noinline]] constexpr bool has_part_of_line(std::uint64_t line) const noexcept {
        const auto in_line = [line](const auto& held) noexcept {
            return held.mask != 0 && held.first().number >> LineOrder == line;
        };
        bool any = in_line(pending().get()) || in_line(pending_rows().get());
        for (unsigned class_index = 0; class_index < Classes; ++class_index) {
            any =
                any || in_line(allocation(class_index).get()) || in_line(allocation_rows(class_index).get());
        }
        return any;
    }

    template <class Units>
    [[nodiscard]] constexpr held_place<Word, Units> at(unsigned index) const noexcept {
        return held_place<Word, Units>(words_ + index);
    }
};

}  // namespace ashlar::detail
