// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// The words of one window in a cache of windows, on a line of their own: whether it is open, how many pins
/// it has, and what it is aimed at. `Word` is an atomic of 32 bits. A block is told by its key, its number
/// plus 1; 0 is no block.
///
/// | word | written by | order, and what it publishes |
/// |---|---|---|
/// | state: pins | whoever pins: add 1 | acquire: sees what the opening published |
/// | | whoever unpins, or found another block: subtract 1 | release: his accesses are over |
/// | state: closed | the writer, compare-exchange from 0 | acquire: accesses under former pins are over |
/// | state: opened | the writer, subtraction | release: all below, and that it is aimed |
/// | generation, epoch | the writer, closed | relaxed: read under a pin |
/// | block | the writer, closed; to 0 at any time | relaxed: read under a pin |
/// | target, born | the writer | relaxed: he alone reads them |
/// | uses, last use | whoever pins; the writer | relaxed: a count that may lose some, a time |
/// | dma, device | such an owner, under his pin | relaxed: a hint how long the pins last |
///
/// The writer is whoever holds the lock of the cache. A pin that finds the window closed, or another block,
/// counts for a moment and is taken back before anything is accessed: the count of a closed window may be
/// above 0, and opening leaves it.
template <class Word>
class window_words {
 public:
    static constexpr std::size_t words = 16;
    static constexpr std::uint32_t closed = std::uint32_t{1} << 31;
    /// No key: what a window may show that could not be disabled.
    static constexpr std::uint32_t any_block = ~std::uint32_t{0};
    /// More pins than that are refused; the rest of the field is for those that are taken back.
    static constexpr std::uint32_t most_pins = std::uint32_t{1} << 30;

    constexpr window_words() noexcept = default;
    constexpr explicit window_words(Word* at) noexcept : at_(at) {}

    constexpr void clear() const noexcept {
        for (std::size_t i = 0; i < words; ++i) at_[i].store(0, memory_order::relaxed);
    }

    /// What the state was: a pin is only had if that is `is_open`, and the block is the right one.
    [[nodiscard]] constexpr std::uint32_t pin() const noexcept {
        return state().fetch_add(1, memory_order::acquire);
    }
    constexpr void unpin() const noexcept { state().fetch_add(~std::uint32_t{0}, memory_order::release); }
    [[nodiscard]] static constexpr bool is_open(std::uint32_t found) noexcept {
        return (found & closed) == 0 && found < most_pins;
    }
    [[nodiscard]] constexpr std::uint32_t pins() const noexcept {
        return state().load(memory_order::relaxed) & ~closed;
    }
    /// Open, without pins.
    [[nodiscard]] constexpr bool is_idle() const noexcept { return state().load(memory_order::relaxed) == 0; }
    /// Closes the window if it is open without pins.
    [[nodiscard]] constexpr bool close() const noexcept {
        std::uint32_t found = 0;
        return state().compare_exchange(found, closed, memory_order::acquire);
    }
    constexpr void open() const noexcept { state().fetch_add(closed, memory_order::release); }
    /// Opens it with a pin of the caller's.
    constexpr void open_pinned() const noexcept { state().fetch_add(closed + 1, memory_order::release); }

    constexpr void enter(pin_owner owner) const noexcept {
        if (owner != pin_owner::cpu) owners(owner).fetch_add(1, memory_order::relaxed);
    }
    constexpr void leave(pin_owner owner) const noexcept {
        if (owner != pin_owner::cpu) owners(owner).fetch_add(~std::uint32_t{0}, memory_order::relaxed);
    }
    [[nodiscard]] constexpr std::uint32_t pins_of(pin_owner owner) const noexcept {
        if (owner != pin_owner::cpu) return owners(owner).load(memory_order::relaxed);
        const std::uint32_t others = pins_of(pin_owner::dma) + pins_of(pin_owner::device);
        const std::uint32_t all = pins();
        return all > others ? all - others : 0;
    }

    /// Counts once for each `now`, so that many uses in a row are one, and cost a load.
    constexpr void count_use(std::uint32_t now) const noexcept {
        if (last_use().load(memory_order::relaxed) == now) return;
        last_use().store(now, memory_order::relaxed);
        const std::uint32_t known = uses().load(memory_order::relaxed);
        if (known < most_uses) uses().store(known + 1, memory_order::relaxed);
    }

    [[nodiscard]] constexpr Word& block() const noexcept { return at_[1]; }
    [[nodiscard]] constexpr Word& generation() const noexcept { return at_[2]; }
    [[nodiscard]] constexpr Word& epoch() const noexcept { return at_[3]; }
    [[nodiscard]] constexpr Word& uses() const noexcept { return at_[4]; }
    /// The key of what the window is aimed at, whether it is found or not; `any_block`: nobody knows, it did
    /// not close.
    [[nodiscard]] constexpr Word& target() const noexcept { return at_[5]; }
    /// When it was aimed, or did not close, as the cache counts.
    [[nodiscard]] constexpr Word& born() const noexcept { return at_[6]; }
    /// When it was used last, by the same clock.
    [[nodiscard]] constexpr Word& last_use() const noexcept { return at_[9]; }

 private:
    static constexpr std::uint32_t most_uses = std::uint32_t{1} << 16;

    [[nodiscard]] constexpr Word& state() const noexcept { return at_[0]; }
    [[nodiscard]] constexpr Word& owners(pin_owner owner) const noexcept {
        return at_[owner == pin_owner::dma ? 7 : 8];
    }

    Word* at_ = nullptr;
};

}  // namespace ashlar::detail
