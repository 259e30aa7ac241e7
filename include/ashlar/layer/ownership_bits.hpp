// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/layer/own_words.hpp>
#include <ashlar/source/row_bits.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// The words of `ownership_checked`: {identity} in a line, then one bit for each frame of a range, set =
/// handed out. Frames are counted from a multiple of the word's bits, so that a block that fits a word lies
/// in one. A view; see there for who may write what. Each call: a step for each word of the frames.
template <class Word, class Space>
class ownership_bits {
    using value = typename Word::value_type;
    static constexpr unsigned per_word = std::numeric_limits<value>::digits;
    static constexpr std::size_t line = layer_line_words<Word>;
    static constexpr value identity = static_cast<value>(0x6f77'6e64u);

 public:
    constexpr ownership_bits() noexcept = default;
    constexpr ownership_bits(range<Space> covered, Word* words) noexcept : covered_(covered), words_(words) {}

    /// 0 for a range that no words describe.
    [[nodiscard]] static constexpr std::size_t words_for(range<Space> covered) noexcept {
        if (covered.empty() || covered.wraps()) return 0;
        const std::uint64_t count = words_of(covered);
        if (count > std::numeric_limits<std::size_t>::max() / sizeof(Word) / 2) return 0;
        return line + (static_cast<std::size_t>(count) + line - 1) / line * line;
    }

    [[nodiscard]] constexpr bool bound() const noexcept { return words_ != nullptr; }
    [[nodiscard]] constexpr range<Space> covered() const noexcept { return covered_; }
    [[nodiscard]] constexpr bool is_recoverable() const noexcept { return load(words_[0]) == identity; }
    constexpr void set_identity(bool known) const noexcept {
        words_[0].store(known ? identity : 0, memory_order::release);
    }
    constexpr void clear_all() const noexcept {
        for (std::uint64_t i = 0; i < words_of(covered_); ++i) word(i).store(0, memory_order::relaxed);
    }

    [[nodiscard]] constexpr bool has(frame<Space> f) const noexcept { return all_of({f, 1}); }
    /// Every frame of the range, which is covered, is handed out.
    [[nodiscard]] constexpr bool all_of(range<Space> frames) const noexcept {
        return for_each_word(frames, [](const Word& word, value mask) noexcept {
                   return (load(word) & mask) == mask;
               }) == frames.count;
    }
    [[nodiscard]] constexpr bool none_of(range<Space> frames) const noexcept {
        return for_each_word(frames, [](const Word& word, value mask) noexcept {
                   return (load(word) & mask) == 0;
               }) == frames.count;
    }
    /// Hands the frames out; false, and nothing has changed, where some are.
    [[nodiscard]] constexpr bool hand_out(range<Space> frames) const noexcept {
        return change(
            frames,
            [](Word& word, value mask) noexcept {
                return static_cast<value>(mask & ~word.fetch_or(mask, memory_order::relaxed));
            },
            [](Word& word, value mask) noexcept {
                (void)word.fetch_and(static_cast<value>(~mask), memory_order::relaxed);
            });
    }
    /// Takes the frames back; false, and nothing has changed, where some are not handed out.
    [[nodiscard]] constexpr bool take_back(range<Space> frames) const noexcept {
        // Looked at first: a wrong free of many frames does not get in the way of a right one of some.
        if (!all_of(frames)) return false;
        return change(
            frames,
            [](Word& word, value mask) noexcept {
                return static_cast<value>(mask &
                                          word.fetch_and(static_cast<value>(~mask), memory_order::relaxed));
            },
            [](Word& word, value mask) noexcept { (void)word.fetch_or(mask, memory_order::relaxed); });
    }
    /// Handed out or not.
    constexpr void clear(range<Space> frames) const noexcept {
        (void)for_each_word(frames, [](Word& word, value mask) noexcept {
            (void)word.fetch_and(static_cast<value>(~mask), memory_order::relaxed);
            return true;
        });
    }
    [[nodiscard]] constexpr std::uint64_t count() const noexcept {
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; bound() && i < words_of(covered_); ++i) {
            sum += static_cast<std::uint64_t>(std::popcount(load(word(i))));
        }
        return sum;
    }

 private:
    [[nodiscard]] static constexpr value load(const Word& word) noexcept {
        return word.load(memory_order::relaxed);
    }
    [[nodiscard]] static constexpr std::uint64_t words_of(range<Space> covered) noexcept {
        return (covered.end().number - 1) / per_word - covered.first.number / per_word + 1;
    }
    [[nodiscard]] constexpr Word& word(std::uint64_t index) const noexcept {
        return words_[line + static_cast<std::size_t>(index)];
    }
    /// Calls `visit(word, mask)`, ascending, until it says false; how many frames it said true for.
    template <class Visit>
    constexpr std::uint64_t for_each_word(range<Space> frames, Visit&& visit) const noexcept {
        std::uint64_t done = 0;
        while (done < frames.count) {
            const std::uint64_t number = frames.first.number + done;
            const std::uint64_t bit = number % per_word;
            const std::uint64_t left = frames.count - done;
            const std::uint64_t here = left < per_word - bit ? left : per_word - bit;
            const auto mask = static_cast<value>(low_bits<value>(static_cast<unsigned>(here)) << bit);
            if (!visit(word(number / per_word - covered_.first.number / per_word), mask)) return done;
            done += here;
        }
        return done;
    }
    /// `make(word, mask)` answers which bits it changed: all of them, or everything is undone.
    template <class Make, class Undo>
    [[nodiscard]] constexpr bool change(range<Space> frames, Make make, Undo undo) const noexcept {
        const std::uint64_t done = for_each_word(frames, [&](Word& word, value mask) noexcept {
            const value changed = make(word, mask);
            if (changed == mask) return true;
            undo(word, changed);
            return false;
        });
        if (done == frames.count) return true;
        (void)for_each_word({frames.first, done}, [&](Word& word, value mask) noexcept {
            undo(word, mask);
            return true;
        });
        return false;
    }

    range<Space> covered_{};
    Word* words_ = nullptr;
};

}  // namespace ashlar::detail
