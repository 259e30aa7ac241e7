// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// One bit for each 2^Order origins: is one of them mapped? It answers for nearly every frame that is not. A
/// view.
///
/// | word | who writes | order |
/// |---|---|---|
/// | bits | the writer whose turn it is | load acquire, store release |
///
/// A bit is set before the first entry that it stands for is there, and cleared after the last one is gone.
/// Each store to a word publishes what was written before any bit of it was cleared.
///
/// A bit may be set for nothing; it is never clear for an origin whose `assign` a reader knows of.
template <class Word, unsigned Order>
class remap_filter {
    using value = typename Word::value_type;
    static constexpr unsigned digits = std::numeric_limits<value>::digits;

 public:
    constexpr remap_filter() noexcept = default;
    constexpr explicit remap_filter(Word* words) noexcept : words_(words) {}

    [[nodiscard]] static constexpr std::uint64_t words_for(std::uint64_t origins) noexcept {
        return ((origins - 1) >> Order) / digits + 1;
    }

    [[nodiscard, gnu::always_inline]] constexpr bool has(std::uint64_t place) const noexcept {
        return (word_of(place).load(memory_order::acquire) >> (place >> Order) % digits & 1) != 0;
    }
    constexpr void set(std::uint64_t place) const noexcept {
        const value before = word_of(place).load(memory_order::relaxed);
        if ((before & bit_of(place)) != 0) return;
        word_of(place).store(static_cast<value>(before | bit_of(place)), memory_order::release);
    }
    constexpr void clear(std::uint64_t place) const noexcept {
        const value before = word_of(place).load(memory_order::relaxed);
        word_of(place).store(static_cast<value>(before & ~bit_of(place)), memory_order::release);
    }

 private:
    [[nodiscard]] constexpr Word& word_of(std::uint64_t place) const noexcept {
        return words_[static_cast<std::size_t>((place >> Order) / digits)];
    }
    [[nodiscard]] static constexpr value bit_of(std::uint64_t place) noexcept {
        return static_cast<value>(value{1} << (place >> Order) % digits);
    }

    Word* words_ = nullptr;
};

}  // namespace ashlar::detail
