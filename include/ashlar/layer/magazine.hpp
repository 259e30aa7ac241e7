// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// A stack of blocks, by number, that also gives up its oldest block and knows which blocks it has. A view.
///
/// - Words: `ends` {top, bottom}; `cells`, 2^n hash heads and 2^n pairs {block, link}. Positions only grow,
///   modulo the word; position p lies in pair p mod 2^n. Blocks are at the positions from bottom to top - 1.
/// - Invariant: the head of a hash is the position of the newest block with that hash, if the stack has one,
///   and the link of a position is that of the next older one. Who is pushed is the newest, who is popped was
///   it, and the oldest is the end of its chain: nothing has to be searched. What heads and links say beyond
///   that is stale; a chain ends where a position is not in the stack, or not older than the one before.
/// - Protocol: one writer at a time, the holder of the slot; relaxed. Each change of what the stack has is
///   one store of top or bottom, after the block is in its cell and before it goes anywhere else: whoever
///   looks after a crash finds a block in one place, or in none. Who reads beside the writer (counting,
///   isolating) may see ends that do not belong together, and then sees an empty stack.
/// - Complexity: push, pop, holds: constant (the hash spreads any stride).
template <class Word>
class magazine {
 public:
    using value = typename Word::value_type;

    static constexpr std::size_t end_words = 2;
    [[nodiscard]] static constexpr std::size_t cell_words(unsigned size_order) noexcept {
        return std::size_t{3} << size_order;
    }

    /// Room for 2^size_order blocks, 1 <= size_order <= 31.
    constexpr magazine(Word* ends, Word* cells, unsigned size_order) noexcept
        : ends_(ends), cells_(cells), size_order_(size_order) {}

    [[nodiscard]] constexpr bool empty() const noexcept { return top() == bottom(); }
    [[nodiscard, gnu::always_inline]] constexpr value size() const noexcept {
        const auto blocks = static_cast<value>(top() - bottom());
        return blocks <= value{1} << size_order_ ? blocks : 0;
    }
    /// There is room.
    [[gnu::always_inline]] constexpr void push(value block) const noexcept {
        const value at = top();
        cell(at).store(block, memory_order::relaxed);
        chain(at);
        set_top(static_cast<value>(at + 1));
    }
    /// The newest; the stack is not empty.
    [[nodiscard, gnu::always_inline]] constexpr value pop() const noexcept {
        const auto at = static_cast<value>(top() - 1);
        const value block = load(cell(at));
        head_of(block).store(load(link(at)), memory_order::relaxed);
        set_top(at);
        return block;
    }
    /// The stack is not empty.
    [[nodiscard]] constexpr value pop_oldest() const noexcept {
        const value at = bottom();
        const value block = load(cell(at));
        set_bottom(static_cast<value>(at + 1));
        return block;
    }
    /// Fills an empty stack with up to `most` blocks, as long as `next(block)` finds one, so that what is
    /// found first is popped first.
    template <class Next>
    constexpr void fill(value most, Next&& next) const noexcept {
        const auto end = static_cast<value>(top() + most);
        value first = end;
        for (value block = 0; first != top() && next(block); --first) {
            cell(static_cast<value>(first - 1)).store(block, memory_order::relaxed);
        }
        for (value at = first; at != end; ++at) chain(at);
        // In between the stack reads as empty.
        set_bottom(first);
        set_top(end);
    }
    [[nodiscard, gnu::always_inline]] constexpr bool holds(value block) const noexcept {
        const value blocks = size();
        const auto newest = static_cast<value>(top() - 1);
        auto age = static_cast<value>(newest - load(head_of(block)));
        while (age < blocks) {
            const auto at = static_cast<value>(newest - age);
            if (load(cell(at)) == block) return true;
            const auto older = static_cast<value>(newest - load(link(at)));
            if (older <= age) return false;
            age = older;
        }
        return false;
    }
    template <class Visit>
    constexpr void for_each(Visit&& visit) const noexcept {
        const value blocks = size();
        const value first = bottom();
        for (value i = 0; i < blocks; ++i) visit(load(cell(static_cast<value>(first + i))));
    }
    constexpr void discard() const noexcept { set_bottom(top()); }

 private:
    [[nodiscard]] static constexpr value load(const Word& word) noexcept {
        return word.load(memory_order::relaxed);
    }
    [[nodiscard]] constexpr value top() const noexcept { return load(ends_[0]); }
    [[nodiscard]] constexpr value bottom() const noexcept { return load(ends_[1]); }
    constexpr void set_top(value to) const noexcept { ends_[0].store(to, memory_order::relaxed); }
    constexpr void set_bottom(value to) const noexcept { ends_[1].store(to, memory_order::relaxed); }

    [[nodiscard]] constexpr std::size_t pair_of(value position) const noexcept {
        const auto mask = static_cast<value>((value{1} << size_order_) - 1);
        return (std::size_t{1} << size_order_) + 2 * static_cast<std::size_t>(position & mask);
    }
    [[nodiscard]] constexpr Word& cell(value position) const noexcept { return cells_[pair_of(position)]; }
    [[nodiscard]] constexpr Word& link(value position) const noexcept {
        return cells_[pair_of(position) + 1];
    }
    /// Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
    [[nodiscard]] constexpr Word& head_of(value block) const noexcept {
        return cells_[static_cast<std::uint32_t>(block) * 0x9e37'79b1u >> (32 - size_order_)];
    }
    /// What is in the cell is the newest of its hash.
    [[gnu::always_inline]] constexpr void chain(value at) const noexcept {
        Word& head = head_of(load(cell(at)));
        link(at).store(load(head), memory_order::relaxed);
        head.store(at, memory_order::relaxed);
    }

    Word* ends_;
    Word* cells_;
    unsigned size_order_;
};

}  // namespace ashlar::detail
