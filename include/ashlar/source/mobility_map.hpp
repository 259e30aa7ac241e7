// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/request.hpp>
#include <cstddef>

namespace ashlar::detail {

/// The mobility class of each line: two planes of a bit a line, `movable` and `reclaimable`; neither set is
/// unmovable. Says where blocks of a class are looked for first, nothing about what is free.
///
/// Protocol: anyone, at any time, relaxed, by read-modify-writes of one plane after the other. A class may be
/// stale or, for a moment, of neither writer: then a block lies among those of another class.
template <class Word>
class mobility_map {
    using bits = typename Word::value_type;

 public:
    constexpr mobility_map() noexcept = default;
    constexpr mobility_map(Word* words, std::size_t plane_words) noexcept
        : words_(words), plane_words_(plane_words) {}

    /// The lines of a word that are of a class.
    [[nodiscard]] constexpr bits of_class(std::size_t index, mobility wanted) const noexcept {
        const bits movable = words_[index].load(memory_order::relaxed);
        const bits reclaimable = words_[plane_words_ + index].load(memory_order::relaxed);
        switch (wanted) {
            case mobility::movable:
                return static_cast<bits>(movable & ~reclaimable);
            case mobility::reclaimable:
                return static_cast<bits>(reclaimable & ~movable);
            default:
                return static_cast<bits>(~(movable ^ reclaimable));
        }
    }
    constexpr void set(std::size_t index, bits line, mobility to) noexcept {
        put(words_[index], line, to == mobility::movable);
        put(words_[plane_words_ + index], line, to == mobility::reclaimable);
    }

 private:
    static constexpr void put(Word& plane, bits line, bool to) noexcept {
        const bool now = (plane.load(memory_order::relaxed) & line) != 0;
        if (now == to) return;
        if (to) {
            plane.fetch_or(line, memory_order::relaxed);
        } else {
            plane.fetch_and(static_cast<bits>(~line), memory_order::relaxed);
        }
    }

    Word* words_ = nullptr;
    std::size_t plane_words_ = 0;
};

}  // namespace ashlar::detail
