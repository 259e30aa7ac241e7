// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/remote/window_words.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Which window has a block: a hash table of window numbers plus 1, at most half full, with linear probing.
/// A word is written by whoever holds the cache's lock and read by everybody, relaxed: what is found is a
/// hint, and counts when it is confirmed under a pin. A reader may miss an entry that moves meanwhile.
template <class Word>
class window_map {
 public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    [[nodiscard]] static constexpr std::size_t words_for(std::size_t windows) noexcept {
        return std::bit_ceil(windows * 2);
    }

    constexpr window_map() noexcept = default;
    constexpr window_map(Word* map, std::size_t size, Word* windows) noexcept
        : map_(map), mask_(static_cast<std::uint32_t>(size - 1)), windows_(windows) {}

    constexpr void clear() const noexcept {
        for (std::size_t i = 0; i <= mask_; ++i) map_[i].store(0, memory_order::relaxed);
    }

    [[nodiscard]] constexpr window_words<Word> window(std::uint32_t number) const noexcept {
        return window_words<Word>(windows_ + std::size_t{number} * window_words<Word>::words);
    }

    /// The window that seems to have the block, or `none`. Any context.
    [[nodiscard]] constexpr std::uint32_t find(std::uint32_t key) const noexcept {
        std::uint32_t at = place_of(key);
        for (std::uint32_t looked = 0; looked <= mask_; ++looked, at = (at + 1) & mask_) {
            const std::uint32_t entry = map_[at].load(memory_order::relaxed);
            if (entry == 0) break;
            if (window(entry - 1).block().load(memory_order::relaxed) == key) return entry - 1;
        }
        return none;
    }

    /// The writer only. The window's target is the key, and is not in the table yet.
    constexpr void insert(std::uint32_t number) const noexcept {
        std::uint32_t at = place_of(key_of(number));
        while (map_[at].load(memory_order::relaxed) != 0) at = (at + 1) & mask_;
        map_[at].store(number + 1, memory_order::relaxed);
    }
    /// The writer only. Later entries of the run move up, so that no run has a gap.
    constexpr void erase(std::uint32_t number) const noexcept {
        std::uint32_t gap = place_of(key_of(number));
        for (std::uint32_t looked = 0; map_[gap].load(memory_order::relaxed) != number + 1; ++looked) {
            if (looked > mask_) return;
            gap = (gap + 1) & mask_;
        }
        for (std::uint32_t at = (gap + 1) & mask_;; at = (at + 1) & mask_) {
            const std::uint32_t entry = map_[at].load(memory_order::relaxed);
            if (entry == 0) break;
            const std::uint32_t home = place_of(key_of(entry - 1));
            if (((at - home) & mask_) < ((at - gap) & mask_)) continue;
            map_[gap].store(entry, memory_order::relaxed);
            gap = at;
        }
        map_[gap].store(0, memory_order::relaxed);
    }

 private:
    [[nodiscard]] constexpr std::uint32_t place_of(std::uint32_t key) const noexcept {
        const std::uint32_t mixed = key * 0x9e3779b1U;
        return (mixed ^ mixed >> 15) & mask_;
    }
    [[nodiscard]] constexpr std::uint32_t key_of(std::uint32_t number) const noexcept {
        return window(number).target().load(memory_order::relaxed);
    }

    Word* map_ = nullptr;
    std::uint32_t mask_ = 0;
    Word* windows_ = nullptr;
};

}  // namespace ashlar::detail
