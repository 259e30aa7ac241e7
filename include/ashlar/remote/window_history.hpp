// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// How often blocks were used that no window has any more, the most used of those that share four places.
/// Whoever holds the cache's lock reads and writes it, relaxed. (What TinyLFU keeps in a sketch, Einziger and
/// others, 2017; with a block's own count, since the blocks near a full cache are few.)
template <class Word>
class window_history {
 public:
    static constexpr std::size_t ways = 4;

    [[nodiscard]] static constexpr std::size_t words_for(std::size_t windows) noexcept {
        return std::bit_ceil(windows) * 2 * ways * 2;
    }

    constexpr window_history() noexcept = default;
    constexpr window_history(Word* first, std::size_t words) noexcept : first_(first), size_(words) {}

    constexpr void clear() const noexcept {
        for (std::size_t i = 0; i < size_; ++i) first_[i].store(0, memory_order::relaxed);
    }

    constexpr void note(std::uint32_t key, std::uint32_t uses) const noexcept {
        Word* place = nullptr;
        std::uint32_t fewest = uses;
        for (std::size_t i = 0; i < ways; ++i) {
            Word* const at = set_of(key) + i * 2;
            const std::uint32_t known = at[0].load(memory_order::relaxed);
            const std::uint32_t count = known == 0 ? 0 : at[1].load(memory_order::relaxed);
            if (count > fewest) continue;
            fewest = count;
            place = at;
            if (known == 0) break;
        }
        if (place == nullptr) return;
        place[0].store(key, memory_order::relaxed);
        place[1].store(uses, memory_order::relaxed);
    }
    /// What was noted, which is forgotten then; 0 if nothing was.
    [[nodiscard]] constexpr std::uint32_t take(std::uint32_t key) const noexcept {
        for (std::size_t i = 0; i < ways; ++i) {
            Word* const at = set_of(key) + i * 2;
            if (at[0].load(memory_order::relaxed) != key) continue;
            at[0].store(0, memory_order::relaxed);
            return at[1].load(memory_order::relaxed);
        }
        return 0;
    }
    /// Half of each count.
    constexpr void age() const noexcept {
        for (std::size_t i = 0; i < size_; i += 2) {
            const std::uint32_t uses = first_[i + 1].load(memory_order::relaxed) / 2;
            first_[i + 1].store(uses, memory_order::relaxed);
            if (uses == 0) first_[i].store(0, memory_order::relaxed);
        }
    }

 private:
    [[nodiscard]] constexpr Word* set_of(std::uint32_t key) const noexcept {
        const std::uint32_t mixed = key * 0x85ebca6bU;
        const auto sets = static_cast<std::uint32_t>(size_ / (2 * ways));
        return first_ + std::size_t{(mixed ^ mixed >> 13) & (sets - 1)} * 2 * ways;
    }

    Word* first_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ashlar::detail
