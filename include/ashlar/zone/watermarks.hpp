// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Free frames of a zone (Linux zone watermarks). What lies below `min` is the emergency reserve: only urgent
/// requests get it. `low` and `high` say when somebody should begin and stop to make room.
struct watermarks {
    std::uint64_t min = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    [[nodiscard]] friend constexpr bool operator==(const watermarks&, const watermarks&) noexcept = default;
};

/// How a zone stands to its watermarks (Linux kswapd: woken below `low`, asleep again above `high`).
enum class memory_pressure : std::uint8_t {
    none,      ///< above high
    moderate,  ///< from low to high
    low,       ///< from min to low
    critical,  ///< at or below min: only urgent requests are served
};

/// What a zone keeps back from a request that another kind of zone could serve too: frames by the highest
/// kind that the request may use (Linux lowmem_reserve; the line "protection" of /proc/zoneinfo).
struct lowmem_reserve {
    std::uint64_t frames[zone_kinds] = {};

    [[nodiscard]] friend constexpr bool operator==(const lowmem_reserve&,
                                                   const lowmem_reserve&) noexcept = default;
};

/// How marks and reserves are computed. The defaults are Linux's.
struct watermark_rules {
    /// Bytes of all `min` marks together; 0 takes 4 * sqrt(KiB of memory) KiB, from 128 KiB to 256 MiB.
    std::uint64_t min_free_bytes = 0;
    /// Distance between the marks in ten-thousandths of a zone, at least a quarter of `min`.
    std::uint32_t scale = 10;
    /// A zone of a kind keeps one frame back for each so many frames of the higher kinds on its node; 0 keeps
    /// none.
    std::uint32_t lowmem_ratio[zone_kinds] = {256, 256, 32, 0};
};

namespace detail {

/// The largest number whose square is at most `value`.
[[nodiscard]] constexpr std::uint64_t square_root(std::uint64_t value) noexcept {
    std::uint64_t root = 0;
    for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1) {
        const std::uint64_t tried = root | bit;
        if (tried * tried <= value) root = tried;
    }
    return root;
}

/// value * part / whole for part <= whole, without overflow for anything that is a number of frames.
[[nodiscard]] constexpr std::uint64_t share_of(std::uint64_t value, std::uint64_t part,
                                               std::uint64_t whole) noexcept {
    return whole == 0 ? 0 : value / whole * part + value % whole * part / whole;
}

}  // namespace detail

/// Frames that all `min` marks of a machine have together; `lowmem_frames` are the frames that are not
/// `movable`. Any context. Source: Linux mm/page_alloc.c, calculate_min_free_kbytes.
[[nodiscard]] constexpr std::uint64_t min_free_frames(const watermark_rules& rules,
                                                      std::uint64_t lowmem_frames,
                                                      unsigned page_shift) noexcept {
    if (rules.min_free_bytes != 0) return rules.min_free_bytes >> page_shift;
    const std::uint64_t lowmem_bytes = lowmem_frames << page_shift;
    const std::uint64_t root = detail::square_root((lowmem_bytes >> 10) * 16);
    const std::uint64_t kib = root < 128 ? 128 : root > 262'144 ? 262'144 : root;
    return kib << 10 >> page_shift;
}

/// The marks of one zone of `frames` frames: its part of `min_free` (of `lowmem_frames`), a `movable` zone
/// between 32 and 128 frames. Any context. Source: Linux mm/page_alloc.c, __setup_per_zone_wmarks.
[[nodiscard]] constexpr watermarks watermarks_of_zone(const watermark_rules& rules, zone_kind kind,
                                                      std::uint64_t frames, std::uint64_t min_free,
                                                      std::uint64_t lowmem_frames) noexcept {
    const std::uint64_t own = detail::share_of(min_free, frames, lowmem_frames);
    watermarks marks;
    marks.min = own;
    if (kind == zone_kind::movable) {
        const std::uint64_t part = frames / 1024;
        marks.min = part < 32 ? 32 : part > 128 ? 128 : part;
    }
    const std::uint64_t scaled = frames / 10'000 * rules.scale + frames % 10'000 * rules.scale / 10'000;
    const std::uint64_t step = scaled > own / 4 ? scaled : own / 4;
    marks.low = marks.min + step;
    marks.high = marks.low + step;
    return marks;
}

/// What a zone of `kind` keeps back. `node_frames` are the frames on its node by kind. Any context. Source:
/// Linux mm/page_alloc.c, setup_per_zone_lowmem_reserve.
[[nodiscard]] constexpr lowmem_reserve lowmem_reserve_of_zone(
    const watermark_rules& rules, zone_kind kind, const std::uint64_t (&node_frames)[zone_kinds]) noexcept {
    lowmem_reserve kept;
    const std::size_t own = static_cast<std::size_t>(kind);
    if (rules.lowmem_ratio[own] == 0) return kept;
    std::uint64_t above = 0;
    for (std::size_t higher = own + 1; higher < zone_kinds; ++higher) {
        above += node_frames[higher];
        kept.frames[higher] = above / rules.lowmem_ratio[own];
    }
    return kept;
}

/// The highest kind of zone that may serve a request: by `below`, then `movable` for contents that can be
/// moved (Linux gfp_zone). Any context.
template <class Space>
[[nodiscard]] constexpr zone_kind highest_kind(const request<Space>& wanted, std::uint64_t dma_end_frame,
                                               std::uint64_t dma32_end_frame) noexcept {
    if (wanted.below.number <= dma_end_frame) return zone_kind::dma;
    if (wanted.below.number <= dma32_end_frame) return zone_kind::dma32;
    return wanted.mobility == mobility::movable ? zone_kind::movable : zone_kind::normal;
}

}  // namespace ashlar
