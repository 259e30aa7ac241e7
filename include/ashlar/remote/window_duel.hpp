// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/remote/window_history.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Which of two ways to choose windows would have aimed fewer lately: what was used longest ago goes first,
/// or what was used least often. Both are played through in miniature, with at most 16 windows and the share
/// of the blocks that belongs to so many, and without aiming anything. The one that misses less leads; the
/// lead is bounded, so that it changes soon when the blocks do.
///
/// In truth the share is a quarter larger, as if there were fewer windows: a scan that is hardly too long for
/// the windows must not look as if it was none, or nothing would tell that its oldest block is the next one.
/// For the same reason a block that is missed by age, though each miniature has it, counts against age.
///
/// Whoever holds the cache's lock reads and writes all of it, relaxed. `seen` is O(16).
///
/// Source: miniature simulation after Waldspurger, Saemundsson, Ahmad, Park (USENIX ATC 2017).
template <class Word>
class window_duel {
 public:
    static constexpr std::uint32_t most = 16;
    static constexpr std::uint32_t longest_lead = 16;

    [[nodiscard]] static constexpr std::size_t words_for(std::size_t windows) noexcept {
        return head + 5 * entries_for(windows) + window_history<Word>::words_for(entries_for(windows));
    }

    constexpr window_duel() noexcept = default;
    constexpr window_duel(Word* first, std::uint32_t windows) noexcept
        : first_(first),
          windows_(windows),
          entries_(entries_for(windows)),
          gone_(first + head + 5 * std::size_t{entries_}, window_history<Word>::words_for(entries_)) {}

    constexpr void clear() const noexcept {
        for (std::size_t i = 0; i < head + 5 * std::size_t{entries_}; ++i) set(first_[i], 0);
        set(lead(), longest_lead - 1);  // by age, until something tells against it
        gone_.clear();
    }

    /// What was used longest ago should go first.
    [[nodiscard]] constexpr bool prefers_recent() const noexcept { return get(lead()) < longest_lead; }

    /// A block was used, by its key; once between two misses of the cache. `was_missed`: it was the one.
    constexpr void seen(std::uint32_t key, bool was_missed) const noexcept {
        if (windows_ > entries_ && mixed(key) % windows_ >= entries_ + entries_ / 4) return;
        const bool recent_has = use_recent(key);
        const bool frequent_has = use_frequent(key);
        const std::uint32_t now = get(lead());
        // What is missed by age, and would not be in miniature: a scan that fits there, and not here.
        const bool does_not_fit = recent_has && frequent_has && was_missed && prefers_recent();
        if (recent_has && !frequent_has && now != 0) set(lead(), now - 1);
        if ((frequent_has && !recent_has) || does_not_fit)
            if (now != 2 * longest_lead) set(lead(), now + 1);
    }

 private:
    static constexpr std::size_t head = 4;

    [[nodiscard]] static constexpr std::uint32_t entries_for(std::size_t windows) noexcept {
        return windows < most ? static_cast<std::uint32_t>(windows) : most;
    }
    [[nodiscard]] static constexpr std::uint32_t get(const Word& word) noexcept {
        return word.load(memory_order::relaxed);
    }
    static constexpr void set(Word& word, std::uint32_t value) noexcept {
        word.store(value, memory_order::relaxed);
    }
    /// Neighbours are far apart: which of them belong to the share says nothing of the others.
    [[nodiscard]] static constexpr std::uint32_t mixed(std::uint32_t key) noexcept {
        key = (key ^ key >> 16) * 0x85ebca6bU;
        key = (key ^ key >> 13) * 0xc2b2ae35U;
        return key ^ key >> 16;
    }
    [[nodiscard]] constexpr Word& lead() const noexcept { return first_[0]; }
    [[nodiscard]] constexpr Word& recent_clock() const noexcept { return first_[1]; }
    [[nodiscard]] constexpr Word& frequent_clock() const noexcept { return first_[2]; }
    [[nodiscard]] constexpr Word& aged() const noexcept { return first_[3]; }
    /// Fields of the miniatures: key and time of use; key, uses and time of entry.
    [[nodiscard]] constexpr Word* field(std::size_t which) const noexcept {
        return first_ + head + which * entries_;
    }

    /// Whether it was there.
    [[nodiscard]] constexpr bool use_recent(std::uint32_t key) const noexcept {
        Word* const keys = field(0);
        Word* const used = field(1);
        const std::uint32_t now = get(recent_clock()) + 1;
        set(recent_clock(), now);
        std::uint32_t oldest = 0;
        for (std::uint32_t i = 0; i < entries_; ++i) {
            if (get(keys[i]) == key) {
                set(used[i], now);
                return true;
            }
            if (now - get(used[i]) > now - get(used[oldest])) oldest = i;
        }
        set(keys[oldest], key);
        set(used[oldest], now);
        return false;
    }
    [[nodiscard]] constexpr bool use_frequent(std::uint32_t key) const noexcept {
        Word* const keys = field(2);
        Word* const uses = field(3);
        Word* const born = field(4);
        for (std::uint32_t i = 0; i < entries_; ++i) {
            if (get(keys[i]) != key) continue;
            set(uses[i], get(uses[i]) + 1);
            return true;
        }
        const std::uint32_t last = get(frequent_clock());
        set(frequent_clock(), last + 1);
        age();
        std::uint32_t best = 0;
        for (std::uint32_t i = 1; i < entries_; ++i) {
            const std::uint32_t price = price_of(i, last);
            const std::uint32_t least = price_of(best, last);
            if (price < least || (price == least && get(born[i]) > get(born[best]))) best = i;
        }
        if (get(keys[best]) != 0) gone_.note(get(keys[best]), get(uses[best]));
        set(keys[best], key);
        set(uses[best], gone_.take(key) + 1);
        set(born[best], last + 1);
        return false;
    }
    [[nodiscard]] constexpr std::uint32_t price_of(std::uint32_t i, std::uint32_t last) const noexcept {
        if (get(field(2)[i]) == 0) return 0;
        return price_of_uses(get(field(3)[i]), get(field(4)[i]) == last);
    }
    constexpr void age() const noexcept {
        Word* const uses = field(3);
        std::uint32_t sum = 0;
        for (std::uint32_t i = 0; i < entries_; ++i) sum += get(uses[i]);
        const std::uint32_t now = get(frequent_clock());
        if (sum <= sample * entries_ && now - get(aged()) < patience * entries_) return;
        set(aged(), now);
        for (std::uint32_t i = 0; i < entries_; ++i) set(uses[i], get(uses[i]) / 2);
        gone_.age();
    }

 public:
    /// Counts are halved when their sum is above this for each window, or after so many misses for each.
    static constexpr std::uint32_t sample = 16;
    static constexpr std::uint32_t patience = 16;
    /// What a block is worth by its uses; the one that came last is on trial.
    [[nodiscard]] static constexpr std::uint32_t price_of_uses(std::uint32_t uses,
                                                               bool is_on_trial) noexcept {
        return uses + 1 - (is_on_trial ? (uses + 4) / 4 : 0);
    }

 private:
    Word* first_ = nullptr;
    std::uint32_t windows_ = 0;
    std::uint32_t entries_ = 0;
    window_history<Word> gone_;
};

}  // namespace ashlar::detail
