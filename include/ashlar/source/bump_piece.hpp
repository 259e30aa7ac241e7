// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// One stretch of memory of a bump source: a view of three words, offsets of frames.
///
/// | word | who writes | how |
/// |---|---|---|
/// | begin | the one caller of online, allocate_at | store, release |
/// | cursor | every allocator | compare-and-swap, acq_rel |
/// | | isolate, readmit: its top bit (closed) | fetch_or, fetch_and, relaxed |
/// | end | the one caller of online, allocate_at | store, release: publishes; 0: not in use |
/// | | that of offline, alone | store, relaxed |
///
/// Whoever reads a nonzero `end` with acquire sees the begin and cursor that were written before it. The
/// closed bit lies in the cursor so that closing makes every allocation in flight fail its compare-and-swap.
template <class Word>
class bump_piece {
 public:
    static constexpr std::size_t words = 4;
    static constexpr std::uint32_t closed = std::uint32_t{1} << 31;
    static constexpr std::uint64_t most_frames = closed - 1;
    static constexpr std::uint64_t nothing = ~std::uint64_t{0};

    constexpr explicit bump_piece(Word* words_of_piece) noexcept : words_(words_of_piece) {}

    [[nodiscard]] constexpr std::uint32_t begin() const noexcept {
        return words_[0].load(memory_order::acquire);
    }
    [[nodiscard]] constexpr std::uint32_t cursor() const noexcept {
        return words_[1].load(memory_order::acquire);
    }
    [[nodiscard]] constexpr std::uint32_t end() const noexcept {
        return words_[2].load(memory_order::acquire);
    }
    [[nodiscard]] constexpr bool in_use() const noexcept { return end() != 0; }
    /// The first free frame.
    [[nodiscard]] constexpr std::uint32_t position() const noexcept { return cursor() & ~closed; }

    constexpr void publish(std::uint32_t begin, std::uint32_t cursor, std::uint32_t end) noexcept {
        words_[0].store(begin, memory_order::relaxed);
        words_[1].store(cursor, memory_order::relaxed);
        words_[2].store(end, memory_order::release);
    }
    constexpr void set_begin(std::uint32_t begin) noexcept { words_[0].store(begin, memory_order::release); }
    constexpr void set_end(std::uint32_t end) noexcept { words_[2].store(end, memory_order::relaxed); }
    constexpr void set_closed(bool on) noexcept {
        if (on) {
            (void)words_[1].fetch_or(closed, memory_order::relaxed);
        } else {
            (void)words_[1].fetch_and(~closed, memory_order::relaxed);
        }
    }
    /// False with the cursor as it is now in `expected` when somebody else moved it.
    constexpr bool move(std::uint32_t& expected, std::uint32_t to) noexcept {
        return words_[1].compare_exchange(expected, to, memory_order::acq_rel);
    }
    /// The number of the first frame of a block taken from here, `nothing` where none fits. `base` is the
    /// number of the frame at offset 0.
    constexpr std::uint64_t take(std::uint64_t base, unsigned order, std::uint64_t below) noexcept {
        const std::uint64_t size = std::uint64_t{1} << order;
        const std::uint64_t stop = base + end();
        if (stop == base) return nothing;
        for (std::uint32_t at = cursor(); (at & closed) == 0;) {
            const std::uint64_t free = base + at == 0 ? 1 : base + at;
            const std::uint64_t skip = (0 - free) & (size - 1);
            if (free > stop || stop - free < skip || stop - free - skip < size) return nothing;
            const std::uint64_t first = free + skip;
            if (below < size || first > below - size) return nothing;
            if (move(at, static_cast<std::uint32_t>(first + size - base))) return first;
        }
        return nothing;
    }

 private:
    Word* words_;
};

}  // namespace ashlar::detail
