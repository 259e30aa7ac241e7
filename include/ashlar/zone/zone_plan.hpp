// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>

namespace ashlar {

namespace detail {

/// Calls `sink(zone_description of one piece)` for the usable frames of a map, cut at the limits of kinds,
/// ascending. The piece's span has no hole.
template <class Sink>
constexpr void for_each_zone_piece(const memory_map& map, const zone_rules& rules, Sink&& sink) noexcept {
    bool has_mirror = false;
    map.for_each_usable([&](const usable_run& run) noexcept { has_mirror = has_mirror || run.mirrored; });
    const frame<> dma_end{rules.dma_end >> map.page_shift()};
    const frame<> dma32_end{rules.dma32_end >> map.page_shift()};
    map.for_each_usable([&](const usable_run& run) noexcept {
        const zone_kind high = has_mirror && !run.mirrored ? zone_kind::movable : zone_kind::normal;
        const struct {
            range<> frames;
            zone_kind kind;
        } parts[] = {{range<>::between({}, dma_end), zone_kind::dma},
                     {range<>::between(dma_end, dma32_end), zone_kind::dma32},
                     {range<>::between(dma32_end > dma_end ? dma32_end : dma_end, no_limit<>), high}};
        for (const auto& part : parts) {
            const range<> inside = run.frames.clipped_to(part.frames);
            if (inside.empty()) continue;
            const node_id node = run.node == any_node ? node_id{0} : run.node;
            sink(zone_description{inside, inside.count, node, part.kind, run.mirrored});
        }
    });
}

/// True when `piece` continues `zone`: same node, kind and reliability, and no hole of a zone gap between
/// them.
[[nodiscard]] constexpr bool continues(const zone_description& zone, const zone_description& piece,
                                       std::uint64_t gap_frames) noexcept {
    return zone.node == piece.node && zone.kind == piece.kind && zone.mirrored == piece.mirrored &&
           piece.span.first.number - zone.span.end().number < gap_frames;
}

/// Calls `sink(zone_description)` for each zone that a map is cut into, see `plan_zones`.
template <class Sink>
constexpr void for_each_planned_zone(const memory_map& map, const zone_rules& rules, Sink&& sink) noexcept {
    const std::uint64_t gap = rules.zone_gap >> map.page_shift();
    zone_description zone{};
    for_each_zone_piece(map, rules, [&](const zone_description& piece) noexcept {
        if (!zone.span.empty() && continues(zone, piece, gap)) {
            zone.span = range<>::between(zone.span.first, piece.span.end());
            zone.present_frames += piece.present_frames;
            return;
        }
        if (!zone.span.empty()) sink(zone);
        zone = piece;
    });
    if (!zone.span.empty()) sink(zone);
}

}  // namespace detail

/// Cuts a machine's usable memory into zones, ascending: a new zone begins at another node, another
/// reliability, a limit of kinds, or a hole of at least `zone_gap`. Smaller holes stay inside (spanned >
/// present). The value is the number of zones; `limit` if `zones` cannot take them all. Memory that no node
/// claims counts as node 0's.
///
/// With mirrored memory in the machine, ordinary memory beyond `dma32_end` is `movable` (Linux
/// kernelcore=mirror). Any context. Source: CN104252419; Linux mm/mm_init.c.
[[nodiscard]] constexpr result<std::size_t> plan_zones(const memory_map& map, const zone_rules& rules,
                                                       view<zone_description> zones) noexcept {
    std::size_t count = 0;
    bool fits = true;
    detail::for_each_planned_zone(map, rules, [&](const zone_description& zone) noexcept {
        fits = fits && count < zones.size();
        if (fits) zones[count++] = zone;
    });
    if (!fits) return errc::limit;
    return count;
}

}  // namespace ashlar
