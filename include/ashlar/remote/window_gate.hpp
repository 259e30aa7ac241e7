// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What a pin of a window found: where it shows, and since which re-aiming. Valid until the pin is dropped.
struct pinned_aim {
    window_aim aim{};
    std::uint32_t generation = 0;
};

/// Who is in a window, and who may come in: the words by which users of a window and the one who aims it
/// anew agree. A view of `words` zeroed words of the caller's; a fresh window is closed.
///
/// Invariant: while the count of pins is not 0 and the gate was open for one of them, the aim does not
/// change.
///
/// | word | who writes | order |
/// |---|---|---|
/// | 0, gate: {pins, claimed, open} | users add and take pins | `fetch_add` acquire; release |
/// | | who re-aims claims, then closes | `fetch_or` acquire, `fetch_and` relaxed |
/// | | opens or gives the claim back | `fetch_and`, `fetch_add` release |
/// | 1, generation; 2-5, aim | who has the claim, no pin left | relaxed: published by the gate |
/// | 6, why it is closed | who has the claim | relaxed: published by the gate |
///
/// - A pin is taken before the gate is looked at, in one read-modify-write: who sees it open holds a pin that
///   the closer sees. All on one word, so no order between two words is needed.
/// - Dropping a pin releases: what its user did happens before the closer's acquiring load that finds no pin.
///   A user whose stores are still in a write-combining buffer of his CPU fences before he drops it.
/// - Opening releases the aim; a pin acquires it. A pin that found the gate closed reads nothing else.
///
/// Wait-free for users. Any context. At most 2^29 pins.
template <atomics Platform = platform>
class window_gate {
 public:
    using word = typename Platform::template atomic<std::uint32_t>;
    static constexpr std::size_t words = 8;

    constexpr window_gate() noexcept = default;
    /// `first`: `words` words, zeroed or used by a gate before.
    constexpr explicit window_gate(word* first) noexcept : words_(first) {}
    [[nodiscard]] constexpr view<word> storage() const noexcept { return {words_, words}; }

    /// Keeps the window as it is until `unpin`. `busy`: it is being aimed anew; other errors are what it is
    /// closed for: `not_covered` if it never showed anything, what a failed re-aiming told.
    constexpr result<pinned_aim> pin() const noexcept {
        if ((gate().fetch_add(one_pin, memory_order::acquire) & open) == 0) {
            const errc told = why();
            gate().fetch_add(0 - one_pin, memory_order::relaxed);
            return told;
        }
        return pinned_aim{aim(), generation()};
    }
    /// Takes back a pin. What was done under it is done before anything that re-aiming does.
    constexpr void unpin() const noexcept { gate().fetch_add(0 - one_pin, memory_order::release); }

    /// Closes the gate, for one who re-aims at a time: `busy` if there is another.
    constexpr errc claim() const noexcept {
        if ((gate().fetch_or(claimed, memory_order::acquire) & claimed) != 0) return errc::busy;
        gate().fetch_and(~open, memory_order::relaxed);
        return errc::ok;
    }
    /// Nobody is in any more. With the claim.
    [[nodiscard]] constexpr bool drained() const noexcept {
        return gate().load(memory_order::acquire) < one_pin;
    }
    /// A new generation: the claim is given back and the gate opened. With the claim, drained.
    constexpr void publish(const window_aim& aim) const noexcept {
        word* const to = words_;
        to[2].store(static_cast<std::uint32_t>(aim.target.value), memory_order::relaxed);
        to[3].store(static_cast<std::uint32_t>(aim.target.value >> 32), memory_order::relaxed);
        to[4].store(static_cast<std::uint32_t>(aim.bytes), memory_order::relaxed);
        to[5].store(static_cast<std::uint32_t>(aim.bytes >> 32), memory_order::relaxed);
        to[1].store(to[1].load(memory_order::relaxed) + 1, memory_order::relaxed);
        gate().fetch_add(open - claimed, memory_order::release);
    }
    /// The gate is opened again, all as it was. With the claim, which is given back.
    constexpr void reopen() const noexcept { gate().fetch_add(open - claimed, memory_order::release); }
    /// The gate stays closed, for the reason that it was closed for. With the claim, which is given back.
    constexpr void stay_closed() const noexcept { gate().fetch_and(~claimed, memory_order::release); }
    /// The window shows nothing any more. With the claim, drained.
    constexpr void forget() const noexcept {
        words_[4].store(0, memory_order::relaxed);
        words_[5].store(0, memory_order::relaxed);
    }
    /// The window stays closed, and users are told why. With the claim, which is given back.
    constexpr void leave_closed(errc why) const noexcept {
        told().store(static_cast<std::uint32_t>(why), memory_order::relaxed);
        stay_closed();
    }

    /// What was published last. Under a pin or with the claim.
    [[nodiscard]] constexpr window_aim aim() const noexcept {
        return {{half(3) << 32 | half(2)}, half(5) << 32 | half(4)};
    }
    /// How often something was published; 0: never. Under a pin or with the claim.
    [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
        return words_[1].load(memory_order::relaxed);
    }
    /// True when a pin would find the window open: a hint.
    [[nodiscard]] constexpr bool is_open() const noexcept {
        return (gate().load(memory_order::relaxed) & open) != 0;
    }

 private:
    static constexpr std::uint32_t open = 1;
    static constexpr std::uint32_t claimed = 2;
    static constexpr std::uint32_t one_pin = 4;

    [[nodiscard]] constexpr word& gate() const noexcept { return words_[0]; }
    [[nodiscard]] constexpr word& told() const noexcept { return words_[6]; }
    [[nodiscard]] constexpr std::uint64_t half(std::size_t which) const noexcept {
        return words_[which].load(memory_order::relaxed);
    }
    [[nodiscard]] constexpr errc why() const noexcept {
        const std::uint32_t now = gate().load(memory_order::acquire);
        if ((now & claimed) != 0 || (now & open) != 0) return errc::busy;
        const auto error = static_cast<errc>(told().load(memory_order::relaxed));
        return error == errc::ok ? errc::not_covered : error;
    }

    word* words_ = nullptr;
};

}  // namespace ashlar
