// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/migrate/remap_writer.hpp>
#include <bit>
#include <cstddef>
#include <limits>

namespace ashlar::detail {

/// Which lines of a remap tree are in use: a bit each, of the writer whose turn it is. A view.
template <class Word>
class remap_lines {
    using value = typename Word::value_type;
    static constexpr unsigned digits = std::numeric_limits<value>::digits;

 public:
    static constexpr std::size_t none = ~std::size_t{0};

    constexpr remap_lines() noexcept = default;
    constexpr remap_lines(Word* bits, std::size_t lines, remap_writer<Word> writer) noexcept
        : bits_(bits), words_(words_for(lines)), writer_(writer) {}

    [[nodiscard]] static constexpr std::size_t words_for(std::size_t lines) noexcept {
        return (lines + digits - 1) / digits;
    }
    /// Nothing in use but what is not there.
    constexpr void clear(std::size_t lines) const noexcept {
        for (std::size_t i = 0; i < words_; ++i) bits_[i].store(0, memory_order::relaxed);
        const auto odd = static_cast<unsigned>(lines % digits);
        if (odd != 0) bits_[words_ - 1].store(static_cast<value>(all << odd), memory_order::relaxed);
        writer_.search_begin().store(0, memory_order::relaxed);
    }

    /// A line that was not in use, or `none`. One step for each `digits` lines, few where many are free.
    [[nodiscard]] constexpr std::size_t take() const noexcept {
        const auto begin = static_cast<std::size_t>(writer_.search_begin().load(memory_order::relaxed));
        for (std::size_t step = 0; step < words_; ++step) {
            const std::size_t at = begin + step < words_ ? begin + step : begin + step - words_;
            const value used = bits_[at].load(memory_order::relaxed);
            if (used == all) continue;
            const auto bit = static_cast<unsigned>(std::countr_one(used));
            bits_[at].store(static_cast<value>(used | value{1} << bit), memory_order::relaxed);
            writer_.search_begin().store(static_cast<value>(at), memory_order::relaxed);
            return at * digits + bit;
        }
        return none;
    }
    constexpr void give(std::size_t line) const noexcept {
        Word& word = bits_[line / digits];
        const value bit = static_cast<value>(value{1} << line % digits);
        word.store(static_cast<value>(word.load(memory_order::relaxed) & ~bit), memory_order::relaxed);
    }
    [[nodiscard]] constexpr bool any_left() const noexcept {
        for (std::size_t i = 0; i < words_; ++i) {
            if (bits_[i].load(memory_order::relaxed) != all) return true;
        }
        return false;
    }

 private:
    static constexpr value all = std::numeric_limits<value>::max();

    Word* bits_ = nullptr;
    std::size_t words_ = 0;
    remap_writer<Word> writer_;
};

}  // namespace ashlar::detail
