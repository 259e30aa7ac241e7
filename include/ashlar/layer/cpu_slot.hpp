// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/layer/cpu_slots.hpp>
#include <ashlar/layer/own_words.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Constants of `cpu_rows`.
struct rows_shape {
    slot_contract contract = slot_contract::exclusive;
    /// In smaller ranges, by CPU, nothing is kept per CPU: it would be too much of what there is.
    std::uint32_t frames_per_cpu = 4096;
};

namespace detail {

/// A CPU's slot: five words of one cache line.
///
/// | word | what | who writes |
/// |---|---|---|
/// | 0 | lock of a shared slot | see `slot_lock` |
/// | 1, 2 | row to allocate from: key, frames that are left | the slot's holder, relaxed |
/// | 3, 4 | row of pending frees: key, frames | the slot's holder, relaxed |
///
/// One writer at a time, by the guard or by the lock; others read (counting, isolating) and may see a key and
/// a mask that do not belong together. The frames themselves are published by the source's rows, from which
/// they come and to which they go.
template <class Word, class Row>
class cpu_slot : public slot_lock<Word> {
    using slot_lock<Word>::words_;

 public:
    using word = Word;
    using row = Row;
    static constexpr std::size_t words = layer_line_words<Word>;
    static constexpr typename Word::value_type identity = 0x6370'7572u;

    constexpr cpu_slot() noexcept = default;
    constexpr explicit cpu_slot(Word* at) noexcept : slot_lock<Word>(at) {}

    [[nodiscard]] constexpr row allocation() const noexcept { return read(1); }
    [[nodiscard]] constexpr row pending() const noexcept { return read(3); }
    [[nodiscard]] constexpr bool empty() const noexcept {
        return allocation().mask == 0 && pending().mask == 0;
    }
    /// Part of the block is in the slot.
    template <class Space>
    [[nodiscard]] constexpr bool holds(frame<Space> first, unsigned order) const noexcept {
        return allocation().holds(first, order) || pending().holds(first, order);
    }
    template <class Space>
    [[nodiscard]] constexpr bool touches(range<Space> frames) const noexcept {
        return allocation().touches(frames) || pending().touches(frames);
    }
    /// The row stays, its frames change.
    constexpr void leave_allocation(typename row::bits mask) const noexcept {
        words_[2].store(mask, memory_order::relaxed);
    }
    constexpr void leave_pending(typename row::bits mask) const noexcept {
        words_[4].store(mask, memory_order::relaxed);
    }
    constexpr void set_allocation(row to) const noexcept { write(1, to); }
    constexpr void set_pending(row to) const noexcept { write(3, to); }
    /// What was there. The slot is empty before anybody may give it on.
    [[nodiscard]] constexpr row clear_allocation() const noexcept { return clear(1); }
    [[nodiscard]] constexpr row clear_pending() const noexcept { return clear(3); }
    constexpr void discard() const noexcept {
        for (unsigned i = 0; i < 5; ++i) words_[i].store(0, memory_order::relaxed);
    }

 private:
    [[nodiscard]] constexpr row read(unsigned at) const noexcept {
        return {words_[at].load(memory_order::relaxed), words_[at + 1].load(memory_order::relaxed)};
    }
    constexpr void write(unsigned at, row to) const noexcept {
        words_[at].store(to.key, memory_order::relaxed);
        words_[at + 1].store(to.mask, memory_order::relaxed);
    }
    [[nodiscard]] constexpr row clear(unsigned at) const noexcept {
        const row was = read(at);
        write(at, {});
        return was;
    }
};

}  // namespace detail

}  // namespace ashlar
