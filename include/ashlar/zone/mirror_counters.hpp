// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/zone/zone_reserve.hpp>
#include <cstdint>
#include <limits>

namespace ashlar {

/// The mirrored memory of a machine, in frames (openEuler mem_reliable: ReliableTotal, ReliableUsed, ...).
struct mirror_counters {
    std::uint64_t total = 0;      ///< online
    std::uint64_t used = 0;       ///< online and not free
    std::uint64_t free = 0;       ///< free, what the reserves keep back included
    std::uint64_t limit = 0;      ///< at most so many may be used
    std::uint64_t fallbacks = 0;  ///< requests that preferred mirrored memory and got ordinary memory
};

namespace detail {

/// The limit on used mirrored frames. One relaxed word, which the requests in flight may see late.
template <class Platform>
class mirrored_frame_limit {
 public:
    static constexpr std::uintptr_t none = std::numeric_limits<std::uintptr_t>::max();

    [[nodiscard]] constexpr std::uint64_t limit() const noexcept {
        return limit_.load(memory_order::relaxed);
    }
    [[nodiscard]] constexpr bool is_set() const noexcept { return limit() != none; }
    constexpr void set(std::uint64_t frames) noexcept {
        limit_.store(frames < none ? static_cast<std::uintptr_t>(frames) : none, memory_order::relaxed);
    }

    /// False when so many more frames would exceed the limit.
    template <class Slots, class Table>
    [[nodiscard]] constexpr bool admits(const Slots& zones, const Table& table,
                                        std::uint64_t frames) const noexcept {
        if (!is_set()) return true;
        const std::uint64_t used = count(zones, table).used;
        return used <= limit() && frames <= limit() - used;
    }
    /// Counts the mirrored memory of the zones of a table.
    template <class Slots, class Table>
    [[nodiscard]] constexpr mirror_counters count(const Slots& zones, const Table& table) const noexcept {
        mirror_counters counted;
        for (const auto& span : table) {
            const auto& reserve = zones.reserve(span.zone);
            counted.fallbacks += reserve.fallbacks();
            if (!zones[span.zone].description().mirrored) continue;
            counted.total += reserve.online();
            counted.free += zones[span.zone].free_frames();
        }
        counted.used = counted.total > counted.free ? counted.total - counted.free : 0;
        counted.limit = limit() < counted.total ? limit() : counted.total;
        return counted;
    }

 private:
    typename Platform::template atomic<std::uintptr_t> limit_{none};
};

}  // namespace detail

}  // namespace ashlar
