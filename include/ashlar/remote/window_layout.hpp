// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/remote/refused_blocks.hpp>
#include <ashlar/remote/window_duel.hpp>
#include <ashlar/remote/window_history.hpp>
#include <ashlar/remote/window_map.hpp>
#include <ashlar/remote/window_words.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Where in a cache's words everything is: a line of its own, a line a window, the map, the history, the
/// blocks that were refused, the two ways to choose windows.
///
/// | word of the cache's line | written by | order |
/// |---|---|---|
/// | lock | exchange to 1, store of 0 | acquire, release: all that the writer alone writes |
/// | epoch, odd while the link is up | whoever learns of the link: compare-exchange | release; read acquire |
/// | misses | the writer; read by hits | relaxed: a time |
/// | last aim, last ageing of counts: at which miss | the writer | relaxed |
/// | enabled: windows, where the last one goes first | the writer | relaxed |
/// | known epoch: of the blocks refused, and of windows that are ordered | the writer | relaxed |
template <class Word>
class window_layout {
    using record = window_words<Word>;

 public:
    static constexpr std::size_t line = 16;
    /// So many windows at most.
    static constexpr std::uint32_t most_windows = std::uint32_t{1} << 16;

    [[nodiscard]] static constexpr std::size_t words_for(std::uint32_t windows) noexcept {
        if (windows == 0 || windows > most_windows) return 0;
        return line + windows * record::words + window_map<Word>::words_for(windows) +
               window_history<Word>::words_for(windows) + refused_blocks<Word>::words +
               window_duel<Word>::words_for(windows);
    }

    constexpr window_layout() noexcept = default;
    constexpr window_layout(Word* first, std::uint32_t windows) noexcept : first_(first), windows_(windows) {
        Word* at = first + line;
        const std::size_t map_words = window_map<Word>::words_for(windows);
        map_ = window_map<Word>(at + windows * record::words, map_words, at);
        at += windows * record::words + map_words;
        const std::size_t history_words = window_history<Word>::words_for(windows);
        history_ = window_history<Word>(at, history_words);
        refused_ = refused_blocks<Word>(at + history_words);
        duel_ = window_duel<Word>(at + history_words + refused_blocks<Word>::words, windows);
    }

    constexpr void clear() const noexcept {
        for (std::size_t i = 0; i < line; ++i) first_[i].store(0, memory_order::relaxed);
        for (std::uint32_t i = 0; i < windows_; ++i) window(i).clear();
        map_.clear();
        history_.clear();
        refused_.clear();
        duel_.clear();
    }

    [[nodiscard]] constexpr std::uint32_t windows() const noexcept { return windows_; }
    [[nodiscard]] constexpr record window(std::uint32_t number) const noexcept { return map_.window(number); }
    [[nodiscard]] constexpr const window_map<Word>& map() const noexcept { return map_; }
    [[nodiscard]] constexpr const window_history<Word>& history() const noexcept { return history_; }
    [[nodiscard]] constexpr const refused_blocks<Word>& refused() const noexcept { return refused_; }

    [[nodiscard]] constexpr const window_duel<Word>& duel() const noexcept { return duel_; }

    [[nodiscard]] constexpr bool lock() const noexcept {
        return first_[0].exchange(1, memory_order::acquire) == 0;
    }
    constexpr void unlock() const noexcept { first_[0].store(0, memory_order::release); }
    [[nodiscard]] constexpr Word& epoch() const noexcept { return first_[1]; }
    [[nodiscard]] constexpr Word& misses() const noexcept { return first_[2]; }
    [[nodiscard]] constexpr Word& enabled() const noexcept { return first_[3]; }
    [[nodiscard]] constexpr Word& known_epoch() const noexcept { return first_[4]; }
    [[nodiscard]] constexpr Word& last_aim() const noexcept { return first_[5]; }
    [[nodiscard]] constexpr Word& last_ageing() const noexcept { return first_[6]; }

 private:
    Word* first_ = nullptr;
    std::uint32_t windows_ = 0;
    window_map<Word> map_;
    window_history<Word> history_;
    refused_blocks<Word> refused_;
    window_duel<Word> duel_;
};

}  // namespace ashlar::detail
