// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// The last blocks that no window could be aimed at, with the reason: it is given again without asking the
/// bridge, for the next `lifetime` misses. Whoever holds the cache's lock reads and writes it, relaxed.
template <class Word>
class refused_blocks {
 public:
    static constexpr std::uint32_t entries = 8;
    static constexpr std::size_t words = entries * 3;
    static constexpr std::uint32_t lifetime = 64;

    constexpr refused_blocks() noexcept = default;
    constexpr explicit refused_blocks(Word* first) noexcept : first_(first) {}

    constexpr void clear() const noexcept {
        for (std::size_t i = 0; i < words; ++i) first_[i].store(0, memory_order::relaxed);
    }
    /// `ok` if nothing is known against the block.
    [[nodiscard]] constexpr errc reason(std::uint32_t key, std::uint32_t now) const noexcept {
        for (std::size_t i = 0; i < words; i += 3) {
            if (first_[i].load(memory_order::relaxed) != key) continue;
            if (now - first_[i + 2].load(memory_order::relaxed) > lifetime) return errc::ok;
            return static_cast<errc>(first_[i + 1].load(memory_order::relaxed));
        }
        return errc::ok;
    }
    /// What passes by itself is not noted: something that is in use, a link that is down.
    constexpr void note(std::uint32_t key, errc why, std::uint32_t now) const noexcept {
        if (why == errc::busy || why == errc::revoked) return;
        std::size_t place = 0;
        std::uint32_t oldest = 0;
        for (std::size_t i = 0; i < words; i += 3) {
            const std::uint32_t known = first_[i].load(memory_order::relaxed);
            if (known == key) {
                place = i;
                break;
            }
            const std::uint32_t age =
                known == 0 ? ~std::uint32_t{0} : now - first_[i + 2].load(memory_order::relaxed);
            if (age >= oldest) {
                oldest = age;
                place = i;
            }
        }
        first_[place].store(key, memory_order::relaxed);
        first_[place + 1].store(static_cast<std::uint32_t>(why), memory_order::relaxed);
        first_[place + 2].store(now, memory_order::relaxed);
    }
    /// Forgets the keys from `first` to `last`.
    constexpr void forget(std::uint32_t first, std::uint32_t last) const noexcept {
        for (std::size_t i = 0; i < words; i += 3) {
            const std::uint32_t known = first_[i].load(memory_order::relaxed);
            if (known >= first && known <= last) first_[i].store(0, memory_order::relaxed);
        }
    }

 private:
    Word* first_ = nullptr;
};

}  // namespace ashlar::detail
