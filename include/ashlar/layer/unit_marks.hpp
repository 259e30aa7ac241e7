// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/layer/own_words.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// One bit for each unit of 2^Order frames that a range touches, and whose turn it is to change them. A view.
///
/// | word | who writes | order |
/// |---|---|---|
/// | 0, 1 while somebody changes marks | `turn`: exchange, store | acquire, release |
/// | a line later, the marks | who has the turn: `fetch_or`, `fetch_and` | relaxed |
///
/// A mark publishes nothing: whoever does not see one yet might as well have looked before it was set.
template <class Word, class Space, unsigned Order>
class unit_marks {
    using value = typename Word::value_type;
    static constexpr unsigned per_word = std::numeric_limits<value>::digits;
    static constexpr std::size_t line = layer_line_words<Word>;

 public:
    constexpr unit_marks() noexcept = default;
    constexpr unit_marks(range<Space> covered, Word* words) noexcept : covered_(covered), words_(words) {}

    /// For a range that neither is empty nor wraps; 0 where there are too many.
    [[nodiscard]] static constexpr std::size_t words_for(range<Space> covered) noexcept {
        const std::uint64_t last = (covered.end().number - 1) >> Order;
        const std::uint64_t marks = (last - (covered.first.number >> Order)) / per_word + 1;
        if (marks > std::numeric_limits<std::size_t>::max() / sizeof(Word) / 2) return 0;
        return line + (static_cast<std::size_t>(marks) + line - 1) / line * line;
    }
    constexpr void clear_all() const noexcept {
        for (std::size_t i = 0; i < words_for(covered_); ++i) words_[i].store(0, memory_order::relaxed);
    }
    /// Nobody changes marks any more. Alone.
    constexpr void end_turn() const noexcept { words_[0].store(0, memory_order::relaxed); }

    /// The mark of the unit that a covered frame lies in.
    [[nodiscard, gnu::always_inline]] constexpr bool has(frame<Space> f) const noexcept {
        const std::uint64_t unit = unit_of(f);
        return (word_of(unit).load(memory_order::relaxed) >> (unit % per_word) & 1) != 0;
    }
    /// Every unit that the range touches; it is covered.
    constexpr void set(range<Space> frames) const noexcept {
        for (std::uint64_t unit = unit_of(frames.first); unit <= unit_of(last_of(frames)); ++unit) {
            word_of(unit).fetch_or(bit_of(unit), memory_order::relaxed);
        }
    }
    /// Every unit of which the range has all that is covered.
    constexpr void clear(range<Space> frames) const noexcept {
        for (std::uint64_t unit = unit_of(frames.first); unit <= unit_of(last_of(frames)); ++unit) {
            const std::uint64_t first = (unit + (covered_.first.number >> Order)) << Order;
            if (!frames.contains(covered_.clipped_to(block(frame<Space>{first}, Order)))) continue;
            word_of(unit).fetch_and(static_cast<value>(~bit_of(unit)), memory_order::relaxed);
        }
    }

    /// The right to change marks while it lives; not `taken` while somebody else has it.
    class turn {
     public:
        constexpr explicit turn(const unit_marks& marks) noexcept : word_(marks.words_) {
            taken = word_ == nullptr || word_->exchange(1, memory_order::acquire) == 0;
        }
        constexpr ~turn() {
            if (word_ != nullptr && taken) word_->store(0, memory_order::release);
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;

        bool taken = false;

     private:
        Word* word_;
    };

 private:
    [[nodiscard]] static constexpr frame<Space> last_of(range<Space> frames) noexcept {
        return {frames.end().number - 1};
    }
    [[nodiscard]] constexpr std::uint64_t unit_of(frame<Space> f) const noexcept {
        return (f.number >> Order) - (covered_.first.number >> Order);
    }
    [[nodiscard]] constexpr Word& word_of(std::uint64_t unit) const noexcept {
        return words_[line + static_cast<std::size_t>(unit / per_word)];
    }
    [[nodiscard]] static constexpr value bit_of(std::uint64_t unit) noexcept {
        return static_cast<value>(value{1} << (unit % per_word));
    }

    range<Space> covered_{};
    Word* words_ = nullptr;
};

}  // namespace ashlar::detail
