// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/zone/watermarks.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// True when a source has at least so many free frames; one load where it counts them and they are many.
template <class Source>
[[nodiscard]] constexpr bool has_free_frames(const Source& source, std::uint64_t frames) noexcept {
    if constexpr (counted_source<Source>) {
        if (source.approximate_free_frames() >= frames + Source::largest_error()) return true;
    }
    return source.free_frames() >= frames;
}

/// What a machine keeps back of one zone, and what it counts there.
///
/// Protocol: every word is relaxed and stands alone. The marks and reserves are written by the one who sets
/// them and read by every allocation, so a request in flight may still see the old ones; `online` moves with
/// the verbs that succeeded, `fallbacks` with the requests that were served here.
template <class Platform>
class zone_reserve {
 public:
    [[nodiscard]] constexpr watermarks marks() const noexcept { return {get(min_), get(low_), get(high_)}; }
    [[nodiscard]] constexpr lowmem_reserve reserve() const noexcept {
        lowmem_reserve kept;
        for (std::size_t kind = 0; kind < zone_kinds; ++kind) kept.frames[kind] = get(kept_[kind]);
        return kept;
    }
    constexpr void set(const watermarks& marks) noexcept {
        put(min_, marks.min);
        put(low_, marks.low);
        put(high_, marks.high);
        note_any();
    }
    constexpr void set(const lowmem_reserve& kept) noexcept {
        for (std::size_t kind = 0; kind < zone_kinds; ++kind) put(kept_[kind], kept.frames[kind]);
        note_any();
    }

    /// Free frames that a request may not have.
    [[nodiscard]] constexpr std::uint64_t kept_from(bool urgent, zone_kind highest) const noexcept {
        return urgent ? 0 : get(min_) + get(kept_[static_cast<std::size_t>(highest)]);
    }
    /// One load.
    [[nodiscard]] constexpr bool keeps_nothing() const noexcept { return get(any_) == 0; }
    /// False when a block would come out of what is kept back. Zones that keep nothing back are not counted.
    template <class Zone>
    [[nodiscard]] constexpr bool admits(const Zone& zone, std::uint64_t frames, bool urgent,
                                        zone_kind highest) const noexcept {
        const std::uint64_t kept = kept_from(urgent, highest);
        return kept == 0 || has_free_frames(zone, kept + frames);
    }
    template <class Zone>
    [[nodiscard]] constexpr memory_pressure pressure(const Zone& zone) const noexcept {
        if (get(high_) == 0 || has_free_frames(zone, get(high_) + 1)) return memory_pressure::none;
        if (has_free_frames(zone, get(low_))) return memory_pressure::moderate;
        return has_free_frames(zone, get(min_) + 1) ? memory_pressure::low : memory_pressure::critical;
    }

    [[nodiscard]] constexpr std::uint64_t online() const noexcept { return get(online_); }
    constexpr void set_online(std::uint64_t frames) noexcept { put(online_, frames); }
    constexpr void arrived(std::uint64_t frames) noexcept {
        online_.fetch_add(static_cast<value>(frames), memory_order::relaxed);
    }
    constexpr void left(std::uint64_t frames) noexcept {
        online_.fetch_add(static_cast<value>(value{0} - static_cast<value>(frames)), memory_order::relaxed);
    }
    [[nodiscard]] constexpr std::uint64_t fallbacks() const noexcept { return get(fallbacks_); }
    constexpr void count_fallback() noexcept { fallbacks_.fetch_add(1, memory_order::relaxed); }

    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        constexpr const char* protection[zone_kinds] = {"protection_dma", "protection_dma32",
                                                        "protection_normal", "protection_movable"};
        sink("online_frames", online());
        sink("min", get(min_));
        sink("low", get(low_));
        sink("high", get(high_));
        for (std::size_t kind = 0; kind < zone_kinds; ++kind) sink(protection[kind], get(kept_[kind]));
        sink("fallbacks", fallbacks());
    }

    constexpr void reset(std::uint64_t online) noexcept {
        set(watermarks{});
        set(lowmem_reserve{});
        set_online(online);
        put(fallbacks_, 0);
    }

 private:
    constexpr void note_any() noexcept {
        std::uint64_t any = get(min_);
        for (const word& kept : kept_) any |= get(kept);
        put(any_, any != 0 ? 1 : 0);
    }

    // As wide as an address, so that the target has it inline and it counts all frames there can be.
    using value = std::uintptr_t;
    using word = typename Platform::template atomic<value>;

    [[nodiscard]] static constexpr std::uint64_t get(const word& from) noexcept {
        return from.load(memory_order::relaxed);
    }
    static constexpr void put(word& to, std::uint64_t frames) noexcept {
        constexpr std::uint64_t most = std::numeric_limits<value>::max();
        to.store(static_cast<value>(frames < most ? frames : most), memory_order::relaxed);
    }

    word min_{};
    word low_{};
    word high_{};
    word kept_[zone_kinds]{};
    word any_{};  ///< whether `min_` or one of `kept_` is not zero
    word online_{};
    word fallbacks_{};
};

}  // namespace ashlar::detail
