// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/window_aimer.hpp>
#include <cstdint>
#include <memory>
#include <vector>

namespace remote_tests {

using namespace ashlar;

/// Windows that lead into memory of this process: what is read through one is the block that it is aimed at.
/// It counts, judges what it is asked for, and refuses what it is told to.
struct memory_aimer {
    static constexpr std::uint64_t nowhere = ~std::uint64_t{0};
    static constexpr std::uint32_t no_window = ~std::uint32_t{0};
    static constexpr std::uint32_t every_window = no_window - 1;

    std::uint32_t count = 4;
    std::uint64_t bytes = 0x1000;
    std::uint64_t base = 0x40'0000'0000;
    std::uint64_t cost = 1000;
    std::vector<std::uint64_t> costs{};  ///< of each window, if there are any
    bool ordered = false;                ///< the last one goes first
    std::vector<std::uint64_t> targets = std::vector<std::uint64_t>(1024, nowhere);
    std::vector<std::uint64_t> refused{};  ///< blocks that no window can be aimed at
    errc refusal = errc::not_covered;
    std::uint32_t stuck = no_window;  ///< a window that does not let go of what it shows, and what it is
                                      ///< aimed at is told as `unreadable`
    std::uint64_t aims = 0;
    std::uint64_t asked = 0;
    std::uint64_t spent = 0;
    bool is_wrong = false;  ///< asked for what a bridge could not do

    [[nodiscard]] bool is_stuck(std::uint32_t window) const noexcept {
        return stuck == every_window || stuck == window;
    }
    [[nodiscard]] std::uint32_t windows() const noexcept { return count; }
    [[nodiscard]] std::uint64_t block_bytes() const noexcept { return bytes; }
    [[nodiscard]] byte_address<machine> local_of(std::uint32_t window) const noexcept {
        return {base + window * bytes};
    }
    [[nodiscard]] std::uint64_t cost_of(std::uint32_t window) const noexcept {
        return costs.empty() ? cost : costs[window];
    }
    [[nodiscard]] bool is_last_in_first_out() const noexcept { return ordered; }
    errc aim(std::uint32_t window, byte_address<peer> block) noexcept {
        ++asked;
        is_wrong = is_wrong || window >= count || block.value % bytes != 0;
        if (ordered) {
            for (std::uint32_t i = 0; i < count; ++i)
                is_wrong = is_wrong || (i < window) == (targets[i] == nowhere);
        }
        if (is_stuck(window) && targets[window] != nowhere) return errc::unreadable;
        targets[window] = nowhere;
        for (const std::uint64_t each : refused)
            if (each == block.value) return refusal;
        targets[window] = block.value;
        if (is_stuck(window)) return errc::unreadable;
        ++aims;
        spent += cost_of(window);
        return errc::ok;
    }
    errc disable(std::uint32_t window) noexcept {
        is_wrong = is_wrong || window >= count;
        for (std::uint32_t i = window + 1; ordered && i < count; ++i)
            is_wrong = is_wrong || targets[i] != nowhere;
        if (is_stuck(window) && targets[window] != nowhere) return errc::unreadable;
        targets[window] = nowhere;
        return errc::ok;
    }
    /// Where an access to a local address arrives.
    [[nodiscard]] std::uint64_t arrives(std::uint64_t local) const noexcept {
        const std::uint64_t window = (local - base) / bytes;
        if (local < base || window >= count || targets[window] == nowhere) return nowhere;
        return targets[window] + (local - base) % bytes;
    }
};
static_assert(window_aimer<memory_aimer> && !group_aimer<memory_aimer>);

/// The same, which aims several at once: all or none, at the price of the dearest one.
struct memory_group_aimer : memory_aimer {
    std::uint64_t groups = 0;
    std::uint64_t largest = 0;

    errc aim_all(view<const window_target> wanted) noexcept {
        ++groups;
        largest = wanted.size() > largest ? wanted.size() : largest;
        const std::uint64_t before = spent;
        std::uint64_t dearest = 0;
        errc answer = errc::ok;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) is_wrong = is_wrong || wanted[i].window == wanted[j].window;
            if (answer == errc::ok) answer = aim(wanted[i].window, wanted[i].block);
            dearest = cost_of(wanted[i].window) > dearest ? cost_of(wanted[i].window) : dearest;
        }
        spent = before + dearest;
        if (answer != errc::ok)
            for (const window_target& each : wanted) (void)disable(each.window);
        return answer;
    }
};
static_assert(group_aimer<memory_group_aimer>);

/// A cache with its words.
template <class Cache, class Aimer>
struct attached_cache {
    Aimer& aimer;
    std::vector<typename Cache::word> words;
    Cache cache;
    errc answer;

    explicit attached_cache(Aimer& over)
        : aimer(over),
          words(Cache::metadata_words(over.windows())),
          answer(cache.attach(over, {words.data(), words.size()})) {}
};

}  // namespace remote_tests
