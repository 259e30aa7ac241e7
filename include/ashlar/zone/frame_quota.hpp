// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <cstdint>
#include <limits>

namespace ashlar {

/// No limit on frames.
inline constexpr std::uint64_t unlimited_frames = std::numeric_limits<std::uint64_t>::max();

namespace detail {

/// Frames in use and how many there may be.
///
/// - Invariant: in use <= limit, at quiescence. Frames that a call in flight has reserved are in use.
/// - Protocol: `used` is changed by read-modify-writes only, `limit` by the one who sets it. `reserve` writes
///   `used`, then reads `limit`; `set_limit` writes `limit`, then reads `used`: these four seq_cst, so of two
///   at once at least one sees the other and steps back. They count and publish nothing: all else is relaxed.
/// - Context: any; `set_limit` one caller at a time.
template <class Platform>
class frame_quota {
    using value = std::uintptr_t;
    static constexpr value none = std::numeric_limits<value>::max();

 public:
    /// False, and nothing is reserved, when so many more would exceed the limit.
    [[nodiscard]] constexpr bool reserve(std::uint64_t frames) noexcept {
        value used = used_.load(memory_order::relaxed);
        for (;;) {
            if (exceeds(used, frames, limit_.load(memory_order::relaxed))) return false;
            if (used_.compare_exchange(used, static_cast<value>(used + frames), memory_order::seq_cst)) break;
        }
        if (!exceeds(used, frames, limit_.load(memory_order::seq_cst))) return true;
        release(frames);
        return false;
    }
    constexpr void release(std::uint64_t frames) noexcept {
        used_.fetch_add(static_cast<value>(value{0} - static_cast<value>(frames)), memory_order::relaxed);
    }
    /// `busy` for less than are in use; the old limit then stays.
    constexpr errc set_limit(std::uint64_t frames) noexcept {
        const value next = frames < none ? static_cast<value>(frames) : none;
        if (next < used_.load(memory_order::relaxed)) return errc::busy;
        const value old = limit_.exchange(next, memory_order::seq_cst);
        if (used_.load(memory_order::seq_cst) <= next) return errc::ok;
        limit_.store(old, memory_order::relaxed);
        return errc::busy;
    }

    [[nodiscard]] constexpr std::uint64_t used() const noexcept { return used_.load(memory_order::relaxed); }
    [[nodiscard]] constexpr std::uint64_t limit() const noexcept {
        const value limit = limit_.load(memory_order::relaxed);
        return limit == none ? unlimited_frames : limit;
    }

 private:
    [[nodiscard]] static constexpr bool exceeds(value used, std::uint64_t more, value limit) noexcept {
        return used > limit || more > limit - used;
    }

    // As wide as an address, so that the target has it inline and it counts all frames there can be.
    typename Platform::template atomic<value> used_{};
    typename Platform::template atomic<value> limit_{none};
};

}  // namespace detail

}  // namespace ashlar
