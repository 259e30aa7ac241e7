// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/source/row_bits.hpp>
#include <ashlar/source/transit.hpp>
#include <bit>
#include <cstddef>

namespace ashlar::detail {

/// A tree of upper bounds: per leaf (a line, or a word of whole lines) one more than the largest order that
/// may be free there, 0 = nothing; per inner entry the largest of its children. Entries are 4 bits; the
/// topmost level shares one root word between two trees, so that one load can tell that nothing suits
/// anywhere.
///
/// Protocol. Truth is elsewhere (the rows, the whole-line bits); an entry may be stale high, never stale low
/// at quiescence. Whoever makes the truth larger then reads the leaf and, if that is too low, raises it and
/// the levels above it. Whoever lowers an entry re-reads what it summarises and raises it again if that grew.
/// Both are Dekker pairs ("write mine, read theirs"), so all their accesses are seq_cst, and both count as
/// moves in flight (transit) while an entry may be lower than the ones below it: so a leaf that is high
/// enough tells that the root is, too, or that nobody takes the root's word now. A free that has returned is
/// seen.
template <class Word>
class hint_tree {
    using value = typename Word::value_type;
    using moves = transit<Word>;

 public:
    static constexpr unsigned entries_per_word = width<value> / 4;
    static constexpr unsigned root_entries = entries_per_word / 2;
    static constexpr unsigned largest_value = 15;

    /// Words for `leaves` leaves, the root apart.
    [[nodiscard]] static constexpr std::size_t words_for(std::size_t leaves) noexcept {
        std::size_t words = 0;
        while (leaves > root_entries) words += leaves = words_of(leaves);
        return words;
    }

    constexpr hint_tree() noexcept = default;
    /// `half` is 0 or 1: which half of the root word.
    constexpr hint_tree(view<Word> words, Word& root, Word& transit_word, unsigned half,
                        std::size_t leaves) noexcept
        : root_(&root), transit_(&transit_word), root_shift_(half * root_entries * 4), leaves_(leaves) {
        std::size_t at = 0;
        for (; leaves > root_entries; ++depth_) {
            levels_[depth_] = words.data() + at;
            at += leaves = words_of(leaves);
        }
        top_entries_ = static_cast<unsigned>(leaves);
        leaf_words_ = depth_ != 0 ? levels_[0] : root_;
        leaf_shift_ = depth_ != 0 ? 0 : root_shift_;
    }

    /// Records that leaf `leaf` may hold a block of rank `rank` (order + 1). Returns after the root shows it.
    constexpr void raise(std::size_t leaf, unsigned rank) noexcept {
        if (peek(leaf) >= rank) return;
        moves::begin(*transit_);
        raise_from(0, leaf, rank);
        moves::end(*transit_);
    }

    /// Lowers a leaf to what `truth()` (a rank, read seq_cst) says, and again up if the truth grew meanwhile.
    template <class Truth>
    constexpr void settle(std::size_t leaf, Truth&& truth) noexcept {
        settle_at(0, leaf, truth);
    }

    /// The root's word for this tree: true when no leaf can hold a block of rank `rank` or more.
    [[nodiscard]] constexpr bool none_in(value root, unsigned rank) const noexcept {
        return first_at_least(top(root), rank, 0) >= top_entries_;
    }

    /// Visits in ascending order the leaves in [from, to) that may hold a block of rank `rank` or more, until
    /// `visit(leaf)` is true. Entries that turn out to be stale are lowered on the way. `visit` settles the
    /// leaf that disappointed it.
    template <class Visit>
    constexpr bool walk(unsigned rank, std::size_t from, std::size_t to, Visit&& visit) noexcept {
        if (to > leaves_) to = leaves_;
        unsigned level = depth_;
        std::size_t index = from >> (level * entry_shift);
        while ((index << (level * entry_shift)) < to) {
            const bool at_root = level == depth_;
            const unsigned in_word = at_root ? static_cast<unsigned>(index) : position(index);
            const unsigned found = first_at_least(load(level, index), rank, in_word);
            if (found < (at_root ? top_entries_ : entries_per_word)) {
                index = index - in_word + found;
                if (level != 0) {
                    --level;
                    index *= entries_per_word;
                    if (index << (level * entry_shift) < from) index = from >> (level * entry_shift);
                    continue;
                }
                if (index >= to) return false;
                if (visit(index)) return true;
                ++index;
                if (!at_root && position(index) == 0) climb(level, index);
                continue;
            }
            if (at_root) return false;
            index = index - in_word + entries_per_word;
            climb(level, index);
        }
        return false;
    }

    /// The entry of a leaf as it stands.
    [[nodiscard]] constexpr unsigned peek(std::size_t leaf) const noexcept {
        const value seen = read(leaf_words_[leaf / entries_per_word]);
        return static_cast<unsigned>(seen >> (position(leaf) * 4 + leaf_shift_) & 15u);
    }
    /// No leaf in [from, to) says that something may be free there.
    [[nodiscard]] constexpr bool are_clear(std::size_t from, std::size_t to) const noexcept {
        while (from < to) {
            const std::size_t room = entries_per_word - position(from);
            const std::size_t count = to - from < room ? to - from : room;
            const value some = low_bits<value>(static_cast<unsigned>(count) * 4);
            if ((load(0, from) >> shift(0, from) & some) != 0) return false;
            from += count;
        }
        return true;
    }

    /// True when every inner entry is at least its children. Quiescence.
    [[nodiscard]] constexpr bool bounds_hold() const noexcept {
        std::size_t count = leaves_;
        for (unsigned level = 0; level < depth_; ++level) {
            for (std::size_t i = 0; i < count; ++i) {
                if (entry(level, i) > entry(level + 1, i / entries_per_word)) return false;
            }
            count = words_of(count);
        }
        return true;
    }

 private:
    static constexpr unsigned entry_shift = static_cast<unsigned>(std::countr_zero(entries_per_word));

    [[nodiscard]] static constexpr std::size_t words_of(std::size_t entries) noexcept {
        return (entries + entries_per_word - 1) / entries_per_word;
    }
    [[nodiscard]] static constexpr unsigned position(std::size_t index) noexcept {
        return static_cast<unsigned>(index % entries_per_word);
    }
    /// The first entry at or after `from` of at least `rank`, or past the end of the word.
    [[nodiscard]] static constexpr unsigned first_at_least(value word, unsigned rank,
                                                           unsigned from) noexcept {
        constexpr value low = static_cast<value>(static_cast<value>(~value{0}) / 0xff * 0x0f);
        constexpr value ones = static_cast<value>(static_cast<value>(~value{0}) / 0xff);
        if (from >= entries_per_word) return entries_per_word;
        const value carry = static_cast<value>(ones * (16 - rank));
        const value even = static_cast<value>(((word & low) + carry) >> 4 & ones);
        const value odd = static_cast<value>(((word >> 4 & low) + carry) & (ones << 4));
        const value hits = static_cast<value>((even | odd) & ~low_bits<value>(from * 4));
        return hits == 0 ? entries_per_word : static_cast<unsigned>(std::countr_zero(hits)) / 4;
    }

    [[nodiscard]] constexpr value top(value root) const noexcept {
        return static_cast<value>(root >> root_shift_ & low_bits<value>(root_entries * 4));
    }
    [[nodiscard]] constexpr Word& word(unsigned level, std::size_t index) const noexcept {
        return level == depth_ ? *root_ : levels_[level][index / entries_per_word];
    }
    [[nodiscard]] constexpr unsigned shift(unsigned level, std::size_t index) const noexcept {
        return level == depth_ ? static_cast<unsigned>(index) * 4 : position(index) * 4;
    }
    [[nodiscard]] static constexpr value read(const Word& entries) noexcept {
        return entries.load(memory_order::seq_cst);
    }
    /// The word that holds an entry; at the root only this tree's half, at bit 0.
    [[nodiscard]] constexpr value load(unsigned level, std::size_t index) const noexcept {
        const value seen = read(word(level, index));
        return level == depth_ ? top(seen) : seen;
    }
    [[nodiscard]] constexpr unsigned entry(unsigned level, std::size_t index) const noexcept {
        return static_cast<unsigned>(load(level, index) >> shift(level, index) & 15u);
    }

    constexpr void raise_from(unsigned level, std::size_t index, unsigned rank) noexcept {
        for (;; ++level, index /= entries_per_word) {
            Word& target = word(level, index);
            const unsigned at = shift(level, index) + (level == depth_ ? root_shift_ : 0);
            value seen = target.load(memory_order::seq_cst);
            while ((seen >> at & 15u) < rank) {
                const value raised =
                    static_cast<value>((seen & ~(value{15} << at)) | (static_cast<value>(rank) << at));
                if (target.compare_exchange(seen, raised, memory_order::seq_cst)) break;
            }
            if (level == depth_) return;
        }
    }

    template <class Truth>
    constexpr void settle_at(unsigned level, std::size_t index, Truth&& truth) noexcept {
        Word& target = word(level, index);
        const unsigned at = shift(level, index) + (level == depth_ ? root_shift_ : 0);
        // What is not there any more fails to be exchanged.
        value seen = target.load(memory_order::relaxed);
        const unsigned rank = truth();
        if ((seen >> at & 15u) <= rank) return;
        moves::begin(*transit_);
        bool lowered = false;
        while (!lowered && (seen >> at & 15u) > rank) {
            const value lower =
                static_cast<value>((seen & ~(value{15} << at)) | (static_cast<value>(rank) << at));
            lowered = target.compare_exchange(seen, lower, memory_order::seq_cst);
        }
        if (const unsigned now = lowered ? truth() : rank; now > rank) raise_from(level, index, now);
        moves::end(*transit_);
    }

    /// Leaves the word before `index` upwards: lowers its summary and goes on behind it.
    constexpr void climb(unsigned& level, std::size_t& index) noexcept {
        const std::size_t parent = index / entries_per_word - 1;
        settle_at(level + 1, parent, [this, level, parent]() noexcept {
            value children = levels_[level][parent].load(memory_order::seq_cst);
            unsigned largest = 0;
            for (; children != 0; children = static_cast<value>(children >> 4)) {
                const unsigned child = static_cast<unsigned>(children & 15u);
                if (child > largest) largest = child;
            }
            return largest;
        });
        ++level;
        index = parent + 1;
        if (level < depth_ && position(index) == 0) climb(level, index);
    }

    Word* levels_[16] = {};
    Word* leaf_words_ = nullptr;  ///< the root's word, from the shift on, where there is no other level
    unsigned leaf_shift_ = 0;
    Word* root_ = nullptr;
    Word* transit_ = nullptr;
    unsigned root_shift_ = 0;
    unsigned depth_ = 0;
    unsigned top_entries_ = 0;
    std::size_t leaves_ = 0;
};

}  // namespace ashlar::detail
