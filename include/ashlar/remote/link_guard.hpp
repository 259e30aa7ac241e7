// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/bytes.hpp>
#include <ashlar/core/crc32c.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The word by which a server shows that it is there, and which start of it: its epoch and a CRC of it. A
/// server chooses an epoch at each start that it did not have before (a counter that is kept, a time), and
/// puts the word where the peers read it through their windows. It is never all ones and never 0, so neither
/// a link that is down nor memory that was cleared looks like it. Any context; constexpr.
[[nodiscard]] constexpr std::uint64_t canary_of(std::uint32_t epoch) noexcept {
    crc32c sum;
    constexpr char tag[] = {'A', 'S', 'H', 'L'};
    for (const char each : tag) sum.add(static_cast<std::byte>(each));
    for (unsigned i = 0; i < 4; ++i) sum.add(static_cast<std::byte>(epoch >> (8 * i) & 0xff));
    return std::uint64_t{epoch} << 32 | sum.value();
}
/// Epochs: 0 and all ones are none.
[[nodiscard]] constexpr bool is_epoch(std::uint32_t epoch) noexcept {
    return epoch != 0 && epoch != ~std::uint32_t{0};
}

/// What a canary that was read says.
enum class [[nodiscard]] link_verdict : std::uint8_t{
    up,        ///< the peer is there, and is the one that was
    lost,      ///< nothing answers: all ones
    other,     ///< a peer that has started again
    unshaped,  ///< no canary at all: the window leads elsewhere, or the peer is not ready
};

/// The epoch of a link, for those who hold something of it: a handle has the epoch it was made in, and is
/// refused in any other. A view of `words` zeroed words. Every read of the peer that is to be believed (an
/// entry of a table, for example) is followed by `check` with the canary read after it: then it was read
/// from this peer, since a link does not come back with the same epoch.
///
/// | word | who writes | order |
/// |---|---|---|
/// | 0, epoch of the link: odd while it is up | `raise`: one caller | release; acquire: word 1 |
/// | | `lower`, `check` that finds it lost: to even | relaxed: nothing comes with it |
/// | 1, the peer's epoch | `raise`, while it is down | release; acquire: that it was down |
///
/// Fails closed: once a check found the link lost it is down for all, until `raise`. (Word 0 comes round
/// after 2^31 losses.) Wait-free. Any context. Errors: `revoked`: the link is down; `stale`: it is up, but
/// not the one of the handle.
///
/// ```
/// const std::uint32_t handle = *link.raise(peer_epoch);                       // up
/// const std::uint64_t entry = window.load(place);
/// if (link.check(handle, window.load(canary_place)) != ashlar::errc::ok) return;  // entry may be all ones
/// ```
template <atomics Platform = platform>
class link_guard {
 public:
    using word = typename Platform::template atomic<std::uint32_t>;
    static constexpr std::size_t words = 2;

    constexpr link_guard() noexcept = default;
    constexpr explicit link_guard(word* first) noexcept : words_(first) {}

    /// The peer of that epoch is there. Returns the link's new epoch, what handles are made of; `busy` if the
    /// link is up; `invalid`: no epoch.
    constexpr result<std::uint32_t> raise(std::uint32_t peer_epoch) const noexcept {
        if (!is_epoch(peer_epoch)) return errc::invalid;
        const std::uint32_t now = words_[0].load(memory_order::relaxed);
        if ((now & 1) != 0) return errc::busy;
        words_[1].store(peer_epoch, memory_order::release);
        words_[0].store(now + 1, memory_order::release);
        return now + 1;
    }
    /// The link is gone: every handle is refused from here on.
    constexpr void lower() const noexcept {
        std::uint32_t now = words_[0].load(memory_order::relaxed);
        while ((now & 1) != 0 && !words_[0].compare_exchange(now, now + 1, memory_order::relaxed)) {
        }
    }
    /// What handles of now have; even: down.
    [[nodiscard]] constexpr std::uint32_t epoch() const noexcept {
        return words_[0].load(memory_order::acquire);
    }

    /// A handle alone, nothing read.
    [[nodiscard]] constexpr errc check(std::uint32_t handle) const noexcept {
        const std::uint32_t now = epoch();
        if ((now & 1) == 0) return errc::revoked;
        return now == handle ? errc::ok : errc::stale;
    }
    /// A handle, and a canary that was read through the link after what is to be believed.
    [[nodiscard]] constexpr errc check(std::uint32_t handle, std::uint64_t canary) const noexcept {
        if (const errc known = check(handle); known != errc::ok) return known;
        const link_verdict verdict = judge(canary);
        // Between the canary and here the link may have gone and come: then `judge` looked at another peer.
        if (verdict == link_verdict::up) return check(handle);
        std::uint32_t expected = handle;
        (void)words_[0].compare_exchange(expected, handle + 1, memory_order::relaxed);
        return errc::revoked;
    }
    /// What a canary says of the peer that was raised last.
    constexpr link_verdict judge(std::uint64_t canary) const noexcept {
        if (canary == ~std::uint64_t{0}) return link_verdict::lost;
        const auto told = static_cast<std::uint32_t>(canary >> 32);
        if (!is_epoch(told) || canary != canary_of(told)) return link_verdict::unshaped;
        return told == words_[1].load(memory_order::acquire) ? link_verdict::up : link_verdict::other;
    }

 private:
    word* words_ = nullptr;
};

}  // namespace ashlar
