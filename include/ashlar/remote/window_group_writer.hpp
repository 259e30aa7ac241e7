// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/remote/window_layout.hpp>
#include <ashlar/remote/window_words.hpp>
#include <ashlar/remote/window_writer.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Blocks that are asked for together, no key twice, and which window each one got.
struct window_group {
    static constexpr std::uint32_t most = 16;

    std::uint32_t count = 0;
    std::uint32_t keys[most]{};
    std::uint32_t numbers[most]{};
    bool was_asked = false;  ///< the aimer was, and not only who knows what it said before
    bool is_stuck = false;   ///< it did not aim them, and a window did not close

    [[nodiscard]] constexpr std::uint32_t place_of(std::uint32_t key) const noexcept {
        std::uint32_t place = 0;
        while (place < count && keys[place] != key) ++place;
        return place;
    }
    /// False if there is no room.
    constexpr bool add(std::uint32_t key) noexcept {
        if (place_of(key) < count) return true;
        if (count == most) return false;
        keys[count++] = key;
        return true;
    }
};

/// As `window_writer`, for several blocks at once, through an aimer that aims several windows together: all
/// blocks get a window, or none.
///
/// | step | words, by whoever holds the lock | order |
/// |---|---|---|
/// | hold what has a window | state: add 1 | acquire |
/// | choose and close the others | state of each: compare-exchange from 0 | acquire: no access is left |
/// | aim all | | |
/// | open all, each with a pin | state of each: addition | release: publishes what it is aimed at |
///
/// Nobody waits for a pin while windows are closed: one that is pinned meanwhile is another one's. After a
/// failure the closed windows hold nothing and are open, those that were held are let go.
template <group_aimer Aimer, class Word>
class window_group_writer : public window_writer<Aimer, Word> {
    using base = window_writer<Aimer, Word>;
    using record = window_words<Word>;

 public:
    using base::base;

    /// Errors as of `fill`.
    constexpr errc fill_group(window_group& group) const noexcept {
        const std::uint32_t epoch = this->at_.epoch().load(memory_order::acquire);
        if (epoch % 2 == 0) return errc::revoked;
        const std::uint32_t now = this->choice_.note_miss(group.count);
        if (const errc answer = this->see_epoch(epoch); answer != errc::ok) return answer;
        for (std::uint32_t i = 0; i < group.count; ++i) {
            const errc known = this->at_.refused().reason(group.keys[i], now);
            if (known != errc::ok) return known;
        }
        this->choice_.age();
        bool is_held[window_group::most]{};
        window_target targets[window_group::most]{};
        std::uint32_t wanted = 0;
        errc answer = errc::ok;
        std::uint32_t had = 0;
        // What has a window is held first: it is not to be lost to the others.
        for (std::uint32_t i = 0; i < group.count && answer == errc::ok; ++i) {
            const std::uint32_t number = this->holder_of(group.keys[i], epoch);
            if (number == base::none) continue;
            is_held[i] = record::is_open(this->at_.window(number).pin());
            group.numbers[i] = number;
            if (is_held[i]) continue;
            this->at_.window(number).unpin();
            answer = errc::limit;
        }
        for (; had < group.count && answer == errc::ok; ++had) {
            if (is_held[had]) continue;
            answer = take(group.keys[had], epoch, group.numbers[had]);
            if (answer != errc::ok) break;
            targets[wanted++] = {group.numbers[had], this->block_of(group.keys[had])};
        }
        group.was_asked = answer == errc::ok && wanted != 0;
        if (group.was_asked) answer = this->aimer_->aim_all({targets, wanted});
        if (answer != errc::ok) {
            for (std::uint32_t i = 0; i < wanted; ++i)
                group.is_stuck = give_back(targets[i].window) != errc::ok || group.is_stuck;
            for (std::uint32_t i = 0; i < group.count; ++i)
                if (is_held[i]) this->at_.window(group.numbers[i]).unpin();
            return answer;
        }
        for (std::uint32_t i = 0; i < group.count; ++i) {
            if (is_held[i]) continue;
            const std::uint32_t uses = this->at_.history().take(group.keys[i]) + 1;
            this->enter(group.numbers[i], group.keys[i], epoch, now, uses);
            this->at_.window(group.numbers[i]).open_pinned();
        }
        return errc::ok;
    }

 private:
    /// Chooses a window and closes it; its target says already what it is for, so that neighbours are put
    /// side by side.
    constexpr errc take(std::uint32_t key, std::uint32_t epoch, std::uint32_t& number) const noexcept {
        for (std::uint32_t looks = 0; looks < 4; ++looks) {
            number = this->choice_.choose(key, epoch);
            if (number == base::none) return errc::busy;
            if (!this->at_.window(number).close()) continue;
            this->leave(number);
            this->at_.window(number).target().store(key, memory_order::relaxed);
            return errc::ok;
        }
        return errc::busy;
    }
    constexpr errc give_back(std::uint32_t number) const noexcept {
        // What was refused at once still shows what it did.
        const errc closed = this->disable(number);
        this->at_.window(number).open();
        return closed;
    }
};

}  // namespace ashlar::detail
