// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/remote/window_group_writer.hpp>
#include <ashlar/remote/window_layout.hpp>
#include <ashlar/remote/window_pin.hpp>
#include <ashlar/remote/window_writer.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A peer's memory through few windows, which are aimed at it block by block as it is asked for.
///
/// - Words of the caller's, 32 bits each: a line for the cache, one for each window, a map from blocks to
///   windows, counts of blocks that left, blocks that were refused. The cache itself is a view.
/// - Invariant: a window is not aimed while a pin of it is left, so a pin's local address leads to its block
///   until it is released. A pin is only given for a window that was aimed since the link came up last.
/// - Protocol: who writes which word, what publishes what, and in which order is said at
///   `detail::window_words`, `detail::window_layout` and `detail::window_map`. In short: pinning is one
///   read-modify-write that acquires what opening the window released; unpinning releases what closing it
///   acquires; the block is compared under the pin; all else is written under a lock that hits do not take.
/// - Complexity: a hit is O(1), without a lock or a wait. A miss looks at each window, and aims one.
/// - Replacement: see `detail::window_choice`.
/// - Waiting is bounded: a miss that finds the lock taken, or each window pinned and some of them by
///   processors only, tries `patience` times, with `Platform::pause()` between if there is one; then `busy`.
/// - Context: `pin` of what a window has, releasing pins, `link_lost`: any, NMI too. Other pins,
///   `forget`: thread, or where the aimer may be called. `attach`, `detach`: alone.
/// - Failure: `invalid` without bytes, `misaligned` for bytes of two blocks, `not_covered` beyond 2^32 - 2
///   blocks, `revoked` while the link is down, `busy`, else what the aimer said; that is said again for the
///   next 64 misses, without asking it. A refusal changes no window, but the one that was to be aimed. One
///   that does not close is left alone for as many misses, and the others serve.
/// - Source: CN103823638; counts of blocks that left after TinyLFU (Einziger, Friedman, Manes, 2017).
///
/// Example:
/// ```
/// alignas(64) ashlar::window_cache<aimer>::word words[ashlar::window_cache<aimer>::metadata_words(4)];
/// ashlar::window_cache<aimer> cache;
/// (void)cache.attach(bridge, words);
/// {
///     auto pin = cache.pin({0x20'0010}, 8);                  // aims a window at the block of 0x20'0000
///     if (pin) value = load(pin.local()->value);             // and again: no window is aimed
/// }                                                          // from here on it may go
/// ```
template <window_aimer Aimer, class Platform = platform, std::uint32_t Patience = 64>
class window_cache {
    static_assert(atomics<Platform>, "window_cache<Aimer, Platform>: Platform must offer atomic<T>");
    static_assert(Patience != 0, "window_cache<Aimer, Platform, Patience>: a miss tries once at least");

 public:
    using platform_type = Platform;
    using word = typename Platform::template atomic<std::uint32_t>;
    using pin_type = window_pin<window_cache>;
    static constexpr std::uint32_t patience = Patience;

    /// Words that `attach` needs, at a multiple of 64 bytes if hits are to be fast; 0 if it refuses so many.
    [[nodiscard]] static constexpr std::size_t metadata_words(std::uint32_t windows) noexcept {
        return layout::words_for(windows);
    }

    constexpr window_cache() noexcept = default;
    window_cache(const window_cache&) = delete;
    window_cache& operator=(const window_cache&) = delete;

    /// Nothing is aimed yet, and the link is up. `aimer` outlives the cache. `busy` if attached; `invalid`
    /// for no windows, or blocks that are no power of two; `limit` for too few words or too many windows.
    constexpr errc attach(Aimer& aimer, view<word> words) noexcept {
        if (aimer_ != nullptr) return errc::busy;
        const std::uint32_t windows = aimer.windows();
        const std::uint64_t block = aimer.block_bytes();
        if (windows == 0 || !std::has_single_bit(block)) return errc::invalid;
        const std::size_t needed = metadata_words(windows);
        if (needed == 0 || words.size() < needed) return errc::limit;
        at_ = layout(words.data(), windows);
        at_.clear();
        at_.epoch().store(1, memory_order::relaxed);
        at_.known_epoch().store(1, memory_order::relaxed);
        shift_ = static_cast<unsigned>(std::countr_zero(block));
        cheapest_ = aimer.cost_of(0);
        for (std::uint32_t i = 1; i < windows; ++i)
            if (const std::uint64_t cost = aimer.cost_of(i); cost < cheapest_) cheapest_ = cost;
        aimer_ = &aimer;
        return errc::ok;
    }
    /// `busy` while a pin is left. Windows stay aimed where they are.
    constexpr errc detach() noexcept {
        for (std::uint32_t i = 0; aimer_ != nullptr && i < at_.windows(); ++i)
            if (at_.window(i).pins() != 0) return errc::busy;
        aimer_ = nullptr;
        at_ = {};
        return errc::ok;
    }

    /// Makes `length` bytes of one block accessible until the pin is released.
    constexpr pin_type pin(byte_address<peer> at, std::uint64_t length,
                           pin_owner owner = pin_owner::cpu) noexcept {
        std::uint32_t key = 0;
        if (const errc answer = check(at, length, key); answer != errc::ok) return pin_type(answer);
        if (const std::uint32_t number = at_.map().find(key); number != writer::none) [[likely]] {
            if (hold(number, key)) [[likely]]
                return made(number, at, length, owner);
        }
        return pin_slowly(key, at, length, owner);
    }

    /// The same block again, at another place perhaps, if the window that the handle tells still has it,
    /// since the same epoch and generation; otherwise `stale`, or `revoked` while the link is down.
    constexpr pin_type pin_again(window_handle known, byte_address<peer> at, std::uint64_t length,
                                 pin_owner owner = pin_owner::cpu) noexcept {
        std::uint32_t key = 0;
        if (const errc answer = check(at, length, key); answer != errc::ok) return pin_type(answer);
        if (known.block + 1 != key || known.window >= at_.windows()) return pin_type(errc::invalid);
        if (!hold(known.window, key)) return pin_type(is_up() ? errc::stale : errc::revoked);
        const record window = at_.window(known.window);
        if (window.generation().load(memory_order::relaxed) == known.generation &&
            window.epoch().load(memory_order::relaxed) == known.epoch) {
            return made(known.window, at, length, owner);
        }
        window.unpin();
        return pin_type(errc::stale);
    }

    /// All of these or none: what the pins held before is released, and on failure they hold nothing. What a
    /// window has is pinned first, so that it is not lost to what none has. The others are aimed together, up
    /// to 16 at a time, if the aimer can (`group_aimer`) and the last window does not go first. `invalid` if
    /// there are fewer pins than ranges, which are left alone then; `too_large` if they lie in more blocks
    /// than there are windows.
    constexpr errc pin_all(view<const byte_range<peer>> ranges, view<pin_type> pins,
                           pin_owner owner = pin_owner::cpu) noexcept {
        if (pins.size() < ranges.size()) return errc::invalid;
        (void)release(pins, ranges.size(), errc::ok);
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            std::uint32_t key = 0;
            if (const errc answer = check(ranges[i].first, ranges[i].bytes, key); answer != errc::ok)
                return release(pins, i, answer);
            if (const std::uint32_t number = at_.map().find(key); number != writer::none && hold(number, key))
                pins[i] = made(number, ranges[i].first, ranges[i].bytes, owner);
        }
        if (ranges.size() > at_.windows() && blocks_of(ranges) > at_.windows())
            return release(pins, ranges.size(), errc::too_large);
        if (const errc answer = pin_together(ranges, pins, owner); answer != errc::ok)
            return release(pins, ranges.size(), answer);
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            if (!pins[i]) pins[i] = pin(ranges[i].first, ranges[i].bytes, owner);
            if (!pins[i]) return release(pins, ranges.size(), pins[i].error());
        }
        return errc::ok;
    }

    /// These bytes leave the peer's memory, or change their place: no pin of their blocks is given from an
    /// old window, and what was refused is forgotten. `busy` while an old pin is left; no new one comes from
    /// that window. Other errors: what the bridge said of a window that may show them still. To be repeated
    /// after either.
    constexpr errc forget(byte_range<peer> gone) noexcept {
        if (gone.empty() || gone.wraps()) return errc::invalid;
        const std::uint64_t first = gone.first.value >> shift_;
        const std::uint64_t last = (gone.first.value + (gone.bytes - 1)) >> shift_;
        if (first >= most_blocks) return errc::ok;
        if (!lock_soon()) return errc::busy;
        const errc answer =
            change().forget(static_cast<std::uint32_t>(first) + 1,
                            static_cast<std::uint32_t>(last < most_blocks ? last + 1 : most_blocks));
        at_.unlock();
        return answer;
    }

    /// The link went down: every pin fails from here on.
    constexpr void link_lost() noexcept { set_link(false); }
    /// It is up again: all windows are aimed anew, when they are asked for.
    constexpr void link_restored() noexcept { set_link(true); }
    [[nodiscard]] constexpr bool is_up() const noexcept {
        return at_.epoch().load(memory_order::acquire) % 2 != 0;
    }
    /// One more whenever the link goes or comes.
    [[nodiscard]] constexpr std::uint32_t epoch() const noexcept {
        return at_.epoch().load(memory_order::acquire);
    }

    [[nodiscard]] constexpr std::uint32_t windows() const noexcept { return at_.windows(); }
    [[nodiscard]] constexpr std::uint64_t block_bytes() const noexcept { return std::uint64_t{1} << shift_; }
    /// The longest piece from there on that one pin covers.
    [[nodiscard]] constexpr std::uint64_t reach(byte_address<peer> at) const noexcept {
        return block_bytes() - at.offset_in(block_bytes());
    }
    /// Pins of a window, by owner; exact at quiescence.
    [[nodiscard]] constexpr std::uint32_t pins_of(std::uint32_t window, pin_owner owner) const noexcept {
        return at_.window(window).pins_of(owner);
    }

    /// For `window_pin`.
    [[nodiscard]] constexpr bool is_current(window_handle known) const noexcept {
        return at_.epoch().load(memory_order::relaxed) == known.epoch;
    }
    constexpr void unpin(window_handle known, pin_owner owner) noexcept {
        const record window = at_.window(known.window);
        window.leave(owner);
        window.unpin();
    }

 private:
    using layout = detail::window_layout<word>;
    using record = detail::window_words<word>;
    using writer = detail::window_writer<Aimer, word>;
    static constexpr std::uint64_t most_blocks = ~std::uint32_t{0} - std::uint64_t{1};

    [[nodiscard]] constexpr errc check(byte_address<peer> at, std::uint64_t length,
                                       std::uint32_t& key) const noexcept {
        const std::uint64_t number = at.value >> shift_;
        if (length - 1 >= reach(at)) [[unlikely]]
            return length == 0 ? errc::invalid : errc::misaligned;
        if (number >= most_blocks) [[unlikely]]
            return errc::not_covered;
        key = static_cast<std::uint32_t>(number) + 1;
        return errc::ok;
    }

    /// Pins the window if it has the block.
    [[nodiscard]] constexpr bool hold(std::uint32_t number, std::uint32_t key) const noexcept {
        const record window = at_.window(number);
        const std::uint32_t epoch = at_.epoch().load(memory_order::relaxed);
        if (record::is_open(window.pin()) && window.block().load(memory_order::relaxed) == key &&
            window.epoch().load(memory_order::relaxed) == epoch) [[likely]] {
            window.count_use(at_.misses().load(memory_order::relaxed));
            return true;
        }
        window.unpin();
        return false;
    }
    constexpr pin_type made(std::uint32_t number, byte_address<peer> at, std::uint64_t length,
                            pin_owner owner) noexcept {
        const record window = at_.window(number);
        window.enter(owner);
        return pin_type(*this,
                        {number, window.generation().load(memory_order::relaxed),
                         window.epoch().load(memory_order::relaxed), at.value >> shift_},
                        aimer_->local_of(number) + at.offset_in(block_bytes()), length, owner);
    }

    constexpr pin_type pin_slowly(std::uint32_t key, byte_address<peer> at, std::uint64_t length,
                                  pin_owner owner) noexcept {
        for (std::uint32_t tries = 0; tries < Patience; ++tries) {
            if (tries != 0) pause();
            if (!at_.lock()) continue;
            std::uint32_t number = writer::none;
            const errc answer = change().fill(key, number);
            const bool again = answer == errc::busy && change().may_free_soon();
            at_.unlock();
            if (answer == errc::ok) return made(number, at, length, owner);
            if (!again) return pin_type(answer);
        }
        return pin_type(errc::busy);
    }
    /// Aims what has no window in groups, and pins it; what is asked for twice is left for later.
    constexpr errc pin_together(view<const byte_range<peer>> ranges, view<pin_type> pins,
                                pin_owner owner) noexcept {
        if constexpr (group_aimer<Aimer>) {
            if (detail::is_last_in_first_out(*aimer_)) return errc::ok;
            for (std::size_t first = 0; first < ranges.size();) {
                detail::window_group group;
                std::size_t last = first;
                for (; last < ranges.size(); ++last)
                    if (!pins[last] && !group.add(key_of(ranges[last]))) break;
                if (group.count < 2) return errc::ok;
                const errc answer = fill_soon(*aimer_, group);
                // Some block cannot be shown, or some window does not close: one by one it turns out which,
                // and that is remembered.
                if (group.was_asked && (is_refusal(answer) || group.is_stuck)) return errc::ok;
                if (answer != errc::ok) return answer;
                for (; first < last; ++first) {
                    const std::uint32_t place = group.place_of(key_of(ranges[first]));
                    if (pins[first] || place == group.count) continue;
                    pins[first] = made(group.numbers[place], ranges[first].first, ranges[first].bytes, owner);
                    group.keys[place] = 0;
                }
            }
        }
        return errc::ok;
    }
    template <group_aimer A>
    constexpr errc fill_soon(A& aimer, detail::window_group& group) noexcept {
        for (std::uint32_t tries = 0; tries < Patience; ++tries) {
            if (tries != 0) pause();
            if (!at_.lock()) continue;
            const detail::window_group_writer<A, word> change(aimer, at_, shift_, cheapest_);
            const errc answer = change.fill_group(group);
            const bool again = answer == errc::busy && change.may_free_soon();
            at_.unlock();
            if (!again) return answer;
        }
        return errc::busy;
    }
    [[nodiscard]] static constexpr bool is_refusal(errc answer) noexcept {
        return answer == errc::not_covered || answer == errc::misaligned || answer == errc::too_large ||
               answer == errc::limit || answer == errc::invalid || answer == errc::unsupported;
    }
    [[nodiscard]] constexpr std::uint32_t key_of(const byte_range<peer>& range) const noexcept {
        return static_cast<std::uint32_t>(range.first.value >> shift_) + 1;
    }
    [[nodiscard]] constexpr bool lock_soon() const noexcept {
        for (std::uint32_t tries = 0; tries < Patience; ++tries) {
            if (at_.lock()) return true;
            pause();
        }
        return false;
    }
    static constexpr void pause() noexcept {
        if constexpr (requires { Platform::pause(); }) Platform::pause();
    }
    [[nodiscard]] constexpr writer change() const noexcept { return {*aimer_, at_, shift_, cheapest_}; }

    constexpr void set_link(bool up) noexcept {
        std::uint32_t known = at_.epoch().load(memory_order::relaxed);
        while ((known % 2 != 0) != up &&
               !at_.epoch().compare_exchange(known, known + 1, memory_order::release)) {
        }
    }
    static constexpr errc release(view<pin_type> pins, std::size_t count, errc answer) noexcept {
        for (std::size_t i = 0; i < count; ++i) pins[i].release();
        return answer;
    }
    [[nodiscard]] constexpr std::size_t blocks_of(view<const byte_range<peer>> ranges) const noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            std::size_t first = 0;
            while (ranges[first].first.value >> shift_ != ranges[i].first.value >> shift_) ++first;
            if (first == i) ++count;
        }
        return count;
    }

    Aimer* aimer_ = nullptr;
    layout at_{};
    unsigned shift_ = 0;
    std::uint64_t cheapest_ = 0;
};

}  // namespace ashlar
