// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/layer/own_words.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// What is known of a unit of memory that a guest may have to accept.
enum class acceptance : std::uint8_t {
    accepted = 0,    ///< in use, or can be
    unaccepted = 1,  ///< not to be touched yet
    accepting = 2,   ///< one CPU is at it
};

namespace detail {

/// The words of `accepted`: {identity, units} in a line of their own, then two bits for each unit of
/// 2^Order frames that the range touches. A view; see `accepted` for who may write what.
template <class Word, class Space, unsigned Order>
class acceptance_words {
    using value = typename Word::value_type;

    static constexpr unsigned per_word = std::numeric_limits<value>::digits / 2;
    static constexpr std::size_t line = layer_line_words<Word>;
    static constexpr value identity = static_cast<value>(0x6163'6370u);
    static constexpr value field = 3;

 public:
    constexpr acceptance_words() noexcept = default;
    constexpr acceptance_words(range<Space> covered, Word* words) noexcept
        : covered_(covered), words_(words), units_(units_of(covered)) {}

    /// 0 for a range that no words describe.
    [[nodiscard]] static constexpr std::size_t words_for(range<Space> covered) noexcept {
        if (covered.empty() || covered.wraps()) return 0;
        const std::uint64_t states = (units_of(covered) + per_word - 1) / per_word;
        if (states > std::numeric_limits<std::size_t>::max() / 2 - 2 * line) return 0;
        return line + (static_cast<std::size_t>(states) + line - 1) / line * line;
    }

    [[nodiscard]] constexpr bool bound() const noexcept { return words_ != nullptr; }
    [[nodiscard]] constexpr range<Space> covered() const noexcept { return covered_; }
    [[nodiscard]] constexpr std::uint64_t units() const noexcept { return units_; }
    [[nodiscard]] constexpr std::uint64_t unit_of(frame<Space> f) const noexcept {
        return (f.number >> Order) - (covered_.first.number >> Order);
    }
    /// The frames of a unit that lie in the range.
    [[nodiscard]] constexpr range<Space> frames_of(std::uint64_t unit) const noexcept {
        const std::uint64_t at = (covered_.first.number >> Order) + unit;
        return covered_.clipped_to(block(frame<Space>{at << Order}, Order));
    }

    [[nodiscard]] constexpr acceptance state(std::uint64_t unit) const noexcept {
        return static_cast<acceptance>((word_of(unit).load(memory_order::acquire) >> shift_of(unit)) & field);
    }
    /// True when this call changed the unit; acquires and releases.
    constexpr bool change(std::uint64_t unit, acceptance from, acceptance to) noexcept {
        Word& word = word_of(unit);
        const unsigned shift = shift_of(unit);
        value seen = word.load(memory_order::relaxed);
        for (;;) {
            if (((seen >> shift) & field) != static_cast<value>(from)) return false;
            const value rest = static_cast<value>(seen & ~static_cast<value>(field << shift));
            const value next = static_cast<value>(rest | static_cast<value>(static_cast<value>(to) << shift));
            if (word.compare_exchange(seen, next, memory_order::acq_rel)) return true;
        }
    }

    constexpr void forget_identity() noexcept { words_[0].store(0, memory_order::relaxed); }
    constexpr void begin() noexcept {
        for (std::uint64_t unit = 0; unit < units_; unit += per_word) {
            word_of(unit).store(0, memory_order::relaxed);
        }
        words_[1].store(static_cast<value>(units_), memory_order::relaxed);
        words_[0].store(identity, memory_order::release);
    }
    [[nodiscard]] constexpr bool is_recoverable() const noexcept {
        if (words_[0].load(memory_order::relaxed) != identity) return false;
        if (words_[1].load(memory_order::relaxed) != static_cast<value>(units_)) return false;
        for (std::uint64_t unit = 0; unit < units_; ++unit) {
            if (state(unit) > acceptance::accepting) return false;
        }
        return true;
    }
    /// What a stopped CPU was accepting has to be accepted anew.
    constexpr void recover() noexcept {
        for (std::uint64_t unit = 0; unit < units_; ++unit) {
            (void)change(unit, acceptance::accepting, acceptance::unaccepted);
        }
    }

 private:
    /// For a range that neither is empty nor wraps.
    [[nodiscard]] static constexpr std::uint64_t units_of(range<Space> covered) noexcept {
        return ((covered.end().number - 1) >> Order) - (covered.first.number >> Order) + 1;
    }
    [[nodiscard]] constexpr Word& word_of(std::uint64_t unit) const noexcept {
        return words_[line + static_cast<std::size_t>(unit / per_word)];
    }
    [[nodiscard]] static constexpr unsigned shift_of(std::uint64_t unit) noexcept {
        return 2 * static_cast<unsigned>(unit % per_word);
    }

    range<Space> covered_{};
    Word* words_ = nullptr;
    std::uint64_t units_ = 0;
};

}  // namespace detail
}  // namespace ashlar
