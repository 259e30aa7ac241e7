// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/layer/cpu_slots.hpp>
#include <ashlar/layer/magazine.hpp>
#include <ashlar/layer/own_words.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Constants of `cpu_magazines`. The figures are frames.
struct magazine_shape {
    slot_contract contract = slot_contract::exclusive;
    /// So many move between a stack and the source at a time, at least one block.
    std::uint32_t batch = 64;
    /// A CPU holds so many at most, in all its stacks. Linux takes at least four batches.
    std::uint32_t high = 256;
    /// A stack for each order up to this one (Linux: PAGE_ALLOC_COSTLY_ORDER).
    unsigned largest_order = 3;
    /// One more stack, for blocks of this order (Linux: huge pages); 0 for none. `high` has to hold one.
    unsigned huge_order = 0;
    /// In smaller ranges, by CPU, nothing is kept per CPU: it would be too much of what there is.
    std::uint32_t frames_per_cpu = 4096;
};

namespace detail {

/// Which orders have stacks, and where these lie in the words of a slot.
template <class Word, magazine_shape Shape>
struct magazine_layout {
    static constexpr std::size_t line = layer_line_words<Word>;
    static constexpr unsigned stacks = Shape.largest_order + (Shape.huge_order == 0 ? 1u : 2u);
    static constexpr std::size_t ends_at = 2;

    /// By stack; the last place says how many words there are.
    std::size_t cells_at[stacks + 1] = {};

    constexpr magazine_layout() noexcept {
        std::size_t at = ends_at + stacks * magazine<Word>::end_words;
        for (unsigned stack = 0; stack <= stacks; ++stack) {
            cells_at[stack] = (at + line - 1) / line * line;
            if (stack < stacks) at = cells_at[stack] + magazine<Word>::cell_words(size_order_of(stack));
        }
    }
    [[nodiscard]] static constexpr unsigned order_of(unsigned stack) noexcept {
        return stack <= Shape.largest_order ? stack : Shape.huge_order;
    }
    /// Room for `high` frames in blocks of one order, as a power of two, at least two blocks.
    [[nodiscard]] static constexpr unsigned size_order_of(unsigned stack) noexcept {
        const auto whole = static_cast<unsigned>(std::bit_width(Shape.high - 1));
        return whole > order_of(stack) + 1 ? whole - order_of(stack) : 1;
    }
};
template <class Word, magazine_shape Shape>
inline constexpr magazine_layout<Word, Shape> magazine_layout_of{};

/// A CPU's slot: a stack of blocks for each order that has one, whole lines.
///
/// | word | what | who writes |
/// |---|---|---|
/// | 0 | lock of a shared slot | see `slot_lock` |
/// | 1 | frames in all stacks | the slot's holder, relaxed |
/// | 2 ... | top and bottom of each stack, then, from a new line on, their cells | see `magazine` |
///
/// Others read, to count and to isolate. A block is known by its first frame, counted from a boundary of the
/// largest block that has a stack; the stack says of which order it is.
template <class Word, magazine_shape Shape>
class magazine_slot : public slot_lock<Word> {
    using slot_lock<Word>::words_;
    using layout = magazine_layout<Word, Shape>;

 public:
    using word = Word;
    using value = typename Word::value_type;
    static constexpr typename Word::value_type identity = 0x6d61'677au;
    static constexpr unsigned stacks = layout::stacks;
    static constexpr std::size_t words = magazine_layout_of<Word, Shape>.cells_at[stacks];

    /// The stack for blocks of `order`; `stacks` where there is none.
    [[nodiscard]] static constexpr unsigned stack_of(unsigned order) noexcept {
        if (order <= Shape.largest_order) return order;
        return Shape.huge_order != 0 && order == Shape.huge_order ? stacks - 1 : stacks;
    }
    [[nodiscard]] static constexpr unsigned order_of(unsigned stack) noexcept {
        return layout::order_of(stack);
    }
    [[nodiscard]] static constexpr std::uint32_t frames_of(unsigned stack) noexcept {
        return std::uint32_t{1} << order_of(stack);
    }
    /// Blocks of a batch.
    [[nodiscard]] static constexpr value batch_of(unsigned stack) noexcept {
        const std::uint32_t blocks = Shape.batch >> order_of(stack);
        return blocks == 0 ? 1 : static_cast<value>(blocks);
    }

    constexpr magazine_slot() noexcept = default;
    constexpr explicit magazine_slot(Word* at) noexcept : slot_lock<Word>(at) {}

    [[nodiscard]] constexpr magazine<Word> operator[](unsigned stack) const noexcept {
        return {words_ + layout::ends_at + stack * magazine<Word>::end_words,
                words_ + magazine_layout_of<Word, Shape>.cells_at[stack], layout::size_order_of(stack)};
    }
    [[nodiscard]] constexpr bool empty() const noexcept {
        for (unsigned stack = 0; stack < stacks; ++stack) {
            if (!(*this)[stack].empty()) return false;
        }
        return true;
    }
    [[nodiscard]] constexpr std::uint32_t held_frames() const noexcept {
        return static_cast<std::uint32_t>(words_[1].load(memory_order::relaxed));
    }
    /// So many more frames stay below the high mark.
    [[nodiscard]] constexpr bool has_room(std::uint32_t frames) const noexcept {
        return held_frames() + frames <= Shape.high;
    }
    // After a crash the count may be too high, never too low.
    [[gnu::always_inline]] constexpr void push(unsigned stack, value block) const noexcept {
        count(held_frames() + frames_of(stack));
        (*this)[stack].push(block);
    }
    [[nodiscard, gnu::always_inline]] constexpr value pop(unsigned stack) const noexcept {
        const value block = (*this)[stack].pop();
        count(held_frames() - frames_of(stack));
        return block;
    }
    [[nodiscard]] constexpr value pop_oldest(unsigned stack) const noexcept {
        const value block = (*this)[stack].pop_oldest();
        count(held_frames() - frames_of(stack));
        return block;
    }
    /// See `magazine::fill`. There is room.
    template <class Next>
    constexpr void fill(unsigned stack, value most, Next&& next) const noexcept {
        const std::uint32_t before = held_frames();
        count(before + static_cast<std::uint32_t>(most) * frames_of(stack));
        (*this)[stack].fill(most, next);
        count(before + static_cast<std::uint32_t>((*this)[stack].size()) * frames_of(stack));
    }
    /// Part of a block, aligned as blocks are, is in a stack. Mostly only the stack of its order has any.
    [[nodiscard, gnu::always_inline]] constexpr bool holds(value block, unsigned order) const noexcept {
        const unsigned stack = stack_of(order);
        if (stack != stacks) [[likely]] {
            const magazine<Word> own = (*this)[stack];
            if (own.holds(block)) return true;
            if (static_cast<std::uint32_t>(own.size()) * frames_of(stack) == held_frames()) [[likely]]
                return false;
        }
        return any_holds(block, order);
    }
    /// `visit(block, order)` for all blocks.
    template <class Visit>
    constexpr void for_each(Visit&& visit) const noexcept {
        for (unsigned stack = 0; stack < stacks; ++stack) {
            (*this)[stack].for_each([&](value block) noexcept { visit(block, order_of(stack)); });
        }
    }
    /// The slot of a CPU that is not in it, or never will be again.
    constexpr void discard() const noexcept {
        for (unsigned stack = 0; stack < stacks; ++stack) (*this)[stack].discard();
        count(0);
        this->unlock();
    }

 private:
    [[nodiscard, gnu::noinline]] constexpr bool any_holds(value block, unsigned order) const noexcept {
        for (unsigned stack = 0; stack < stacks; ++stack) {
            const magazine<Word> blocks = (*this)[stack];
            if (blocks.empty()) continue;
            const auto size = static_cast<value>(frames_of(stack));
            if (order <= order_of(stack)) {
                if (blocks.holds(static_cast<value>(block & ~static_cast<value>(size - 1)))) return true;
                continue;
            }
            // Piece by piece, or block by block: whatever is less.
            bool found = false;
            const auto frames = static_cast<value>(value{1} << order);
            if (frames >> order_of(stack) <= blocks.size()) {
                for (value at = 0; at < frames && !found; at = static_cast<value>(at + size)) {
                    found = blocks.holds(static_cast<value>(block + at));
                }
            } else {
                blocks.for_each(
                    [&](value each) noexcept { found = found || static_cast<value>(each - block) < frames; });
            }
            if (found) return true;
        }
        return false;
    }
    constexpr void count(std::uint32_t frames) const noexcept {
        words_[1].store(frames, memory_order::relaxed);
    }
};

}  // namespace detail

}  // namespace ashlar
