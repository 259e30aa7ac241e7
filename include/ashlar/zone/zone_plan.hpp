// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>

namespace ashlar {

namespace detail {

/// Calls `sink(zone_description of one piece)` for the usable and the excluded frames of a map, cut at the
/// limits of kinds, ascending. The piece's span has no hole; no frame of an excluded piece is present.
template <class Sink>
constexpr void for_each_zone_piece(const memory_map& map, const zone_rules& rules, Sink&& sink) noexcept {
    bool has_mirror = false;
    map.for_each_usable([&](const usable_run& run) noexcept { has_mirror = has_mirror || run.mirrored; });
    const frame<> dma_end{rules.dma_end >> map.page_shift()};
    const frame<> dma32_end{rules.dma32_end >> map.page_shift()};
    map.for_each_run([&](const usable_run& run, memory_kind what) noexcept {
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
            const std::uint64_t present = what == memory_kind::usable ? inside.count : 0;
            sink(zone_description{inside, present, node, part.kind, run.mirrored});
        }
    });
}

/// True when `piece` may be in a zone with what lies before it: same node, kind and reliability, and a hole
/// of less than `gap_frames` between them.
[[nodiscard]] constexpr bool continues(const zone_description& before, const zone_description& piece,
                                       std::uint64_t gap_frames) noexcept {
    return before.node == piece.node && before.kind == piece.kind && before.mirrored == piece.mirrored &&
           piece.span.first.number - before.span.end().number < gap_frames;
}

/// Cuts zones from the pieces of a map, which come ascending.
template <class Sink>
class zone_cutter {
 public:
    constexpr zone_cutter(std::uint64_t gap_frames, Sink& sink) noexcept : gap_(gap_frames), sink_(sink) {}

    constexpr void take(const zone_description& piece) noexcept {
        if (piece.present_frames == 0) {
            take_excluded(piece);
        } else if (!zone_.span.empty() && continues(zone_, piece, gap_)) {
            extend(zone_, piece);
        } else {
            finish();
            zone_ = piece;
            if (!excluded_.span.empty() && continues(excluded_, piece, touching)) {
                zone_.span = range<>::between(excluded_.span.first, piece.span.end());
            }
        }
        if (piece.present_frames != 0) excluded_ = {};
    }
    constexpr void finish() noexcept {
        if (!zone_.span.empty()) sink_(zone_);
        zone_ = {};
    }

 private:
    /// The frame that two stretches share in part is in neither.
    static constexpr std::uint64_t touching = 2;

    static constexpr void extend(zone_description& zone, const zone_description& piece) noexcept {
        zone.span = range<>::between(zone.span.first, piece.span.end());
        zone.present_frames += piece.present_frames;
    }

    /// What was taken beside a zone's frames may come back to it; what lies alone is nobody's.
    constexpr void take_excluded(const zone_description& piece) noexcept {
        if (piece.span.count >= gap_) return;
        if (!zone_.span.empty() && continues(zone_, piece, touching)) {
            extend(zone_, piece);
        } else if (!excluded_.span.empty() && continues(excluded_, piece, touching)) {
            extend(excluded_, piece);
        } else {
            excluded_ = piece;
        }
    }

    std::uint64_t gap_;
    Sink& sink_;
    zone_description zone_{};
    zone_description excluded_{};  ///< the last one that touches no zone before it
};

/// Calls `sink(zone_description)` for each zone that a map is cut into, see `plan_zones`.
template <class Sink>
constexpr void for_each_planned_zone(const memory_map& map, const zone_rules& rules, Sink&& sink) noexcept {
    zone_cutter cutter(rules.zone_gap >> map.page_shift(), sink);
    for_each_zone_piece(map, rules, [&](const zone_description& piece) noexcept { cutter.take(piece); });
    cutter.finish();
}

}  // namespace detail

/// Cuts a machine's usable memory into zones, ascending: a new zone begins at another node, another
/// reliability, a limit of kinds, or a hole of at least `zone_gap`. Smaller holes stay inside (spanned >
/// present), and so do excluded frames at a zone's ends: they may come `online` later. The value is the
/// number of zones; `limit` if `zones` cannot take them all. Memory that no node claims counts as node 0's.
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
