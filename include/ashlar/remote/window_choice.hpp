// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/remote/refused_blocks.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/remote/window_duel.hpp>
#include <ashlar/remote/window_layout.hpp>
#include <ashlar/remote/window_words.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Which window of a cache is aimed anew: the one that costs least, now and later. What it costs now is in
/// the aimer. Later it costs the cheapest aim for each time that its block will be missed, of which the cache
/// has two guesses, and takes the one that was right more often lately (`window_duel`):
///
/// - by use: a block comes back about as often as it was used lately. Between equals the one that was aimed
///   last goes first, so that a scan passes through one window and the others stay; it is on trial, too.
/// - by age: a block that was not used for as many misses as there are windows does not come back, and one
///   that was used since is worth more the later that was. Between equals the oldest goes first.
///
/// Between equals of both kinds: one beside the window with the neighbouring block. Uses are counted once
/// between two misses, and halved when their sum is above 16 for each window, or after 16 misses for each:
/// what was busy once is forgotten. A window that did not close is left alone for the next 64 misses, or
/// until the link has gone and come, if there is another one. Where the last window goes first the cost of
/// those above it decides, and uses alone.
///
/// A pure view; all of it with the cache's lock, relaxed. Each verb is O(windows). (What TinyLFU keeps in a
/// sketch, Einziger and others, 2017, is `window_history`.)
template <class Aimer, class Word>
class window_choice {
    using layout = window_layout<Word>;
    using record = window_words<Word>;
    using duel = window_duel<Word>;

 public:
    static constexpr std::uint32_t none = window_map<Word>::none;

    constexpr window_choice(Aimer& aimer, const layout& at, std::uint64_t cheapest) noexcept
        : aimer_(&aimer), at_(at), cheapest_(cheapest) {}

    /// A miss, or `count` of them: what was used since the one before is told to the two guesses. Returns the
    /// time that it is now.
    [[nodiscard]] constexpr std::uint32_t note_miss(std::uint32_t count = 1) const noexcept {
        const std::uint32_t before = at_.misses().load(memory_order::relaxed);
        for (std::uint32_t i = 0; i < at_.windows(); ++i) {
            const record window = at_.window(i);
            const std::uint32_t key = window.target().load(memory_order::relaxed);
            if (key == 0 || key == record::any_block) continue;
            if (window.last_use().load(memory_order::relaxed) != before) continue;
            at_.duel().seen(key, window.born().load(memory_order::relaxed) == before);
        }
        at_.misses().store(before + count, memory_order::relaxed);
        return before + count;
    }

    constexpr void age() const noexcept {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < at_.windows(); ++i)
            sum += at_.window(i).uses().load(memory_order::relaxed);
        const std::uint32_t now = at_.misses().load(memory_order::relaxed);
        const std::uint32_t since = now - at_.last_ageing().load(memory_order::relaxed);
        if (sum <= std::uint64_t{duel::sample} * at_.windows() && since < duel::patience * at_.windows())
            return;
        at_.last_ageing().store(now, memory_order::relaxed);
        for (std::uint32_t i = 0; i < at_.windows(); ++i) {
            Word& uses = at_.window(i).uses();
            uses.store(uses.load(memory_order::relaxed) / 2, memory_order::relaxed);
        }
        at_.history().age();
    }

    /// An idle window for the block, or `none`.
    [[nodiscard]] constexpr std::uint32_t choose(std::uint32_t key, std::uint32_t epoch) const noexcept {
        const bool by_age = at_.duel().prefers_recent();
        const std::uint32_t now = at_.misses().load(memory_order::relaxed);
        std::uint32_t best = none;
        std::uint64_t least = 0;
        std::uint32_t favoured = 0;
        bool beside = false;
        std::uint32_t left_alone = none;
        std::uint32_t longest = 0;
        for (std::uint32_t i = 0; i < at_.windows(); ++i) {
            const record window = at_.window(i);
            if (!window.is_idle()) continue;
            const std::uint32_t since = now - window.born().load(memory_order::relaxed);
            if (window.target().load(memory_order::relaxed) == record::any_block &&
                window.epoch().load(memory_order::relaxed) == epoch &&
                since <= refused_blocks<Word>::lifetime) {
                if (left_alone == none || since > longest) {
                    left_alone = i;
                    longest = since;
                }
                continue;
            }
            const std::uint32_t unused = is_found(i, epoch) ? now - last_use(i) : ~std::uint32_t{0};
            const std::uint64_t price =
                aimer_->cost_of(i) + (by_age ? worth_by_age(unused) : worth(i, epoch));
            if (best != none && price > least) continue;
            const bool is_near = is_beside(i, key);
            const std::uint32_t favour = by_age ? unused : window.born().load(memory_order::relaxed);
            const bool wins = best == none || price < least ||
                              (by_age && favour != favoured ? favour > favoured
                               : is_near != beside          ? is_near
                                                            : favour > favoured);
            if (!wins) continue;
            best = i;
            least = price;
            favoured = favour;
            beside = is_near;
        }
        return best != none ? best : left_alone;
    }

    /// Where the last window goes first: where to begin; everything from there on is aimed anew. `none` if
    /// the last one is pinned.
    [[nodiscard]] constexpr std::uint32_t choose_ordered(std::uint32_t epoch) const noexcept {
        const std::uint32_t enabled = at_.enabled().load(memory_order::relaxed);
        if (enabled < at_.windows()) return at_.window(enabled).pins() == 0 ? enabled : none;
        std::uint32_t best = none;
        std::uint64_t least = 0;
        std::uint64_t cost = 0;
        for (std::uint32_t i = at_.windows(); i-- > 0 && at_.window(i).pins() == 0;) {
            cost += aimer_->cost_of(i);
            const std::uint64_t price = cost + worth(i, epoch);
            if (best != none && price >= least) continue;
            best = i;
            least = price;
        }
        return best;
    }

 private:
    /// A block that may still be found.
    [[nodiscard]] constexpr bool is_found(std::uint32_t i, std::uint32_t epoch) const noexcept {
        return at_.window(i).block().load(memory_order::relaxed) != 0 &&
               at_.window(i).epoch().load(memory_order::relaxed) == epoch;
    }
    [[nodiscard]] constexpr std::uint32_t last_use(std::uint32_t i) const noexcept {
        return at_.window(i).last_use().load(memory_order::relaxed);
    }
    [[nodiscard]] constexpr std::uint64_t worth(std::uint32_t i, std::uint32_t epoch) const noexcept {
        if (!is_found(i, epoch)) return 0;
        const std::uint32_t uses = at_.window(i).uses().load(memory_order::relaxed);
        const bool is_on_trial =
            at_.window(i).born().load(memory_order::relaxed) == at_.last_aim().load(memory_order::relaxed);
        return cheapest_ * duel::price_of_uses(uses, is_on_trial);
    }
    [[nodiscard]] constexpr std::uint64_t worth_by_age(std::uint32_t unused) const noexcept {
        return unused < at_.windows() ? cheapest_ * (at_.windows() - unused) : 0;
    }
    [[nodiscard]] constexpr bool is_beside(std::uint32_t i, std::uint32_t key) const noexcept {
        const bool after = i > 0 && at_.window(i - 1).target().load(memory_order::relaxed) + 1 == key;
        return after ||
               (i + 1 < at_.windows() && at_.window(i + 1).target().load(memory_order::relaxed) == key + 1);
    }

    Aimer* aimer_;
    layout at_;
    std::uint64_t cheapest_;
};

}  // namespace ashlar::detail
