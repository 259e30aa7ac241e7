// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/remote/window_choice.hpp>
#include <ashlar/remote/window_layout.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// What whoever holds the lock of a window cache does: takes windows off the map, aims them and opens them
/// again; which one, `window_choice` says. A pure view; `Word` as in `window_words`.
template <class Aimer, class Word>
class window_writer {
    using layout = window_layout<Word>;
    using record = window_words<Word>;

 public:
    static constexpr std::uint32_t none = window_map<Word>::none;

    constexpr window_writer(Aimer& aimer, const layout& at, unsigned shift, std::uint64_t cheapest) noexcept
        : aimer_(&aimer), at_(at), shift_(shift), choice_(aimer, at, cheapest) {}

    /// Finds the block or aims a window at it, and leaves that one open with a pin of the caller's. `busy` if
    /// each window is pinned; else what the aimer said, or had said.
    constexpr errc fill(std::uint32_t key, std::uint32_t& number) const noexcept {
        const std::uint32_t epoch = at_.epoch().load(memory_order::acquire);
        if (epoch % 2 == 0) return errc::revoked;
        const std::uint32_t now = choice_.note_miss();
        if (const errc answer = see_epoch(epoch); answer != errc::ok) return answer;
        if (const errc known = at_.refused().reason(key, now); known != errc::ok) return known;
        number = holder_of(key, epoch);
        if (number != none) {
            if (record::is_open(at_.window(number).pin())) return errc::ok;
            at_.window(number).unpin();
            return errc::limit;
        }
        choice_.age();
        if (!is_ordered()) return aim_any(key, epoch, now, number);
        const errc answer = aim_ordered(key, epoch, now, number);
        if (answer != errc::ok) at_.refused().note(key, answer, now);
        return answer;
    }

    /// No pin is had anew of blocks with keys from `first` to `last`; `busy` while there are old ones. After
    /// other errors, what the bridge said of a window that may still show one of them, it can be repeated.
    constexpr errc forget(std::uint32_t first, std::uint32_t last) const noexcept {
        at_.refused().forget(first, last);
        errc answer = errc::ok;
        std::uint32_t lowest = none;
        for (std::uint32_t i = at_.windows(); i-- > 0;) {
            const std::uint32_t target = at_.window(i).target().load(memory_order::relaxed);
            if (target == 0 || (target != record::any_block && (target < first || target > last))) continue;
            at_.window(i).block().store(0, memory_order::relaxed);
            if (is_ordered()) {
                lowest = i;
            } else if (!at_.window(i).close()) {
                answer = errc::busy;
            } else {
                leave(i);
                if (const errc told = disable(i); told != errc::ok) answer = told;
                at_.window(i).open();
            }
        }
        return lowest == none ? answer : forget_ordered(lowest);
    }

    /// Some window is only held by processors, which soon let go.
    [[nodiscard]] constexpr bool may_free_soon() const noexcept {
        for (std::uint32_t i = 0; i < at_.windows(); ++i) {
            if (at_.window(i).pins_of(pin_owner::dma) == 0 && at_.window(i).pins_of(pin_owner::device) == 0)
                return true;
        }
        return false;
    }

 protected:
    [[nodiscard]] constexpr bool is_ordered() const noexcept { return is_last_in_first_out(*aimer_); }
    [[nodiscard]] constexpr byte_address<peer> block_of(std::uint32_t key) const noexcept {
        return {std::uint64_t{key - 1} << shift_};
    }

    /// After the link was lost nothing that is known counts.
    constexpr errc see_epoch(std::uint32_t epoch) const noexcept {
        if (at_.known_epoch().load(memory_order::relaxed) == epoch) return errc::ok;
        at_.refused().clear();
        if (is_ordered()) {
            if (!close_from(0)) return errc::busy;
            if (const errc told = disable_from(0); told != errc::ok) {
                open_from(0);
                return told;
            }
            for (std::uint32_t i = 0; i < at_.windows(); ++i) leave(i);
            open_from(0);
        }
        at_.known_epoch().store(epoch, memory_order::relaxed);
        return errc::ok;
    }

    /// The window with the block. One from before the link was lost is found no more.
    [[nodiscard]] constexpr std::uint32_t holder_of(std::uint32_t key, std::uint32_t epoch) const noexcept {
        for (std::uint32_t i = 0; i < at_.windows(); ++i) {
            const record window = at_.window(i);
            if (window.block().load(memory_order::relaxed) != key) continue;
            if (window.epoch().load(memory_order::relaxed) == epoch) return i;
            window.block().store(0, memory_order::relaxed);
        }
        return none;
    }

    constexpr errc aim_any(std::uint32_t key, std::uint32_t epoch, std::uint32_t now,
                           std::uint32_t& number) const noexcept {
        errc answer = errc::busy;
        for (std::uint32_t looks = 0; looks < 4 && answer != errc::revoked; ++looks) {
            number = choice_.choose(key, epoch);
            if (number == none) break;
            if (!at_.window(number).close()) continue;
            leave(number);
            answer = aimer_->aim(number, block_of(key));
            if (answer == errc::ok) {
                enter(number, key, epoch, now, at_.history().take(key) + 1);
                at_.window(number).open_pinned();
                return errc::ok;
            }
            // What was refused at once still shows what it did. One that does not close may be the only such.
            const errc closed = disable(number);
            at_.window(number).open();
            if (closed != errc::ok) continue;
            at_.refused().note(key, answer, now);
            break;
        }
        return answer;
    }

    /// A closed window that was left shows nothing any more, or it is noted that it may show anything.
    constexpr errc disable(std::uint32_t number) const noexcept {
        const record window = at_.window(number);
        const errc told = aimer_->disable(number);
        const std::uint32_t shown = told == errc::ok ? 0 : record::any_block;
        window.target().store(shown, memory_order::relaxed);
        if (told == errc::ok) return told;
        window.born().store(at_.misses().load(memory_order::relaxed), memory_order::relaxed);
        window.epoch().store(at_.known_epoch().load(memory_order::relaxed), memory_order::relaxed);
        return told;
    }
    /// A closed window holds nothing any more.
    constexpr void leave(std::uint32_t number) const noexcept {
        const record window = at_.window(number);
        const std::uint32_t key = window.target().load(memory_order::relaxed);
        if (key == 0) return;
        if (key != record::any_block) {
            at_.map().erase(number);
            at_.history().note(key, window.uses().load(memory_order::relaxed));
        }
        window.target().store(0, memory_order::relaxed);
        window.block().store(0, memory_order::relaxed);
        window.uses().store(0, memory_order::relaxed);
    }
    /// A closed window that was aimed.
    constexpr void enter(std::uint32_t number, std::uint32_t key, std::uint32_t epoch, std::uint32_t now,
                         std::uint32_t uses) const noexcept {
        const record window = at_.window(number);
        window.target().store(key, memory_order::relaxed);
        window.block().store(key, memory_order::relaxed);
        window.epoch().store(epoch, memory_order::relaxed);
        window.generation().store(window.generation().load(memory_order::relaxed) + 1, memory_order::relaxed);
        window.uses().store(uses, memory_order::relaxed);
        window.born().store(now, memory_order::relaxed);
        window.last_use().store(now, memory_order::relaxed);
        at_.last_aim().store(now, memory_order::relaxed);
        at_.map().insert(number);
    }

    // Windows of which the last one goes first.

    /// Closes all from `first` on, or none.
    [[nodiscard]] constexpr bool close_from(std::uint32_t first) const noexcept {
        for (std::uint32_t i = at_.windows(); i-- > first;) {
            if (at_.window(i).close()) continue;
            open_from(i + 1);
            return false;
        }
        return true;
    }
    constexpr void open_from(std::uint32_t first) const noexcept {
        for (std::uint32_t i = first; i < at_.windows(); ++i) at_.window(i).open();
    }
    constexpr errc disable_from(std::uint32_t first) const noexcept {
        const std::uint32_t last = at_.enabled().load(memory_order::relaxed);
        for (std::uint32_t i = last; i > first; --i) {
            if (const errc told = aimer_->disable(i - 1); told != errc::ok) {
                for (std::uint32_t gone = i - 1; gone < last; ++gone) leave(gone);
                at_.window(i - 1).target().store(record::any_block, memory_order::relaxed);
                return told;
            }
            at_.enabled().store(i - 1, memory_order::relaxed);
        }
        return errc::ok;
    }

    constexpr errc aim_ordered(std::uint32_t key, std::uint32_t epoch, std::uint32_t now,
                               std::uint32_t& number) const noexcept {
        for (std::uint32_t looks = 0; looks < 4; ++looks) {
            const std::uint32_t first = choice_.choose_ordered(epoch);
            if (first == none) return errc::busy;
            if (!close_from(first)) continue;
            const errc answer = rebuild(first, first, key, epoch, now);
            number = at_.enabled().load(memory_order::relaxed) - 1;
            for (std::uint32_t i = first; i < at_.windows(); ++i) {
                if (answer == errc::ok && i == number) {
                    at_.window(i).open_pinned();
                } else {
                    at_.window(i).open();
                }
            }
            return answer;
        }
        return errc::busy;
    }

    constexpr errc forget_ordered(std::uint32_t lowest) const noexcept {
        if (!close_from(lowest)) return errc::busy;
        const errc answer = rebuild(lowest, none, 0, at_.epoch().load(memory_order::relaxed),
                                    at_.misses().load(memory_order::relaxed));
        open_from(lowest);
        return answer;
    }

    /// Aims the closed windows from `first` on anew, in the order of their uses, those that are found;
    /// without what `dropped` has, and with `key` as the last one, if it is not 0. After an error the windows
    /// from the one that failed on hold nothing.
    constexpr errc rebuild(std::uint32_t first, std::uint32_t dropped, std::uint32_t key, std::uint32_t epoch,
                           std::uint32_t now) const noexcept {
        const std::uint32_t last = at_.enabled().load(memory_order::relaxed);
        if (const errc told = disable_from(first); told != errc::ok) return told;
        std::uint32_t kept = first;
        for (std::uint32_t i = first; i < last; ++i) {
            const record window = at_.window(i);
            const std::uint32_t block = window.block().load(memory_order::relaxed);
            const std::uint32_t uses = window.uses().load(memory_order::relaxed);
            const std::uint32_t since = window.epoch().load(memory_order::relaxed);
            leave(i);
            if (i == dropped || block == 0 || since != epoch) continue;
            (void)at_.history().take(block);
            // Sorted in place: windows from `first` to `kept` hold what they are to be aimed at.
            std::uint32_t place = kept++;
            for (; place > first && at_.window(place - 1).uses().load(memory_order::relaxed) < uses; --place)
                wish(place, wished(place - 1), at_.window(place - 1).uses().load(memory_order::relaxed));
            wish(place, block, uses);
        }
        const std::uint32_t new_uses = key == 0 ? 0 : at_.history().take(key) + 1;
        if (key != 0) wish(kept++, key, new_uses);
        errc answer = errc::ok;
        std::uint32_t place = first;
        for (std::uint32_t i = first; i < kept; ++i) {
            const std::uint32_t wanted = wished(i);
            const std::uint32_t uses = at_.window(i).uses().load(memory_order::relaxed);
            wish(i, 0, 0);
            const errc told = aimer_->aim(place, block_of(wanted));
            if (told == errc::ok) {
                enter(place++, wanted, epoch, now, uses);
                at_.enabled().store(place, memory_order::relaxed);
                continue;
            }
            if (wanted == key) answer = told;
            // What does not close ends the row of windows.
            if (disable(place) == errc::ok) continue;
            at_.enabled().store(place + 1, memory_order::relaxed);
            for (std::uint32_t left = i + 1; left < kept; ++left) wish(left, 0, 0);
            return key == 0 ? errc::ok : told;
        }
        return answer;
    }
    /// What a closed window of no target is to be aimed at lies in its `born` until then.
    constexpr void wish(std::uint32_t number, std::uint32_t key, std::uint32_t uses) const noexcept {
        at_.window(number).born().store(key, memory_order::relaxed);
        at_.window(number).uses().store(uses, memory_order::relaxed);
    }
    [[nodiscard]] constexpr std::uint32_t wished(std::uint32_t number) const noexcept {
        return at_.window(number).born().load(memory_order::relaxed);
    }

    Aimer* aimer_;
    layout at_;
    unsigned shift_;
    window_choice<Aimer, Word> choice_;
};

}  // namespace ashlar::detail
