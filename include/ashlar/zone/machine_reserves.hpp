// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/zone/watermarks.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Sets marks and reserves of every zone of a table from the frames that were online when it was attached.
template <class Slots, class Table>
constexpr void set_watermarks(Slots& zones, const Table& table, const watermark_rules& rules) noexcept {
    std::uint64_t lowmem_frames = 0;
    for (const auto& span : table) {
        const auto& what = zones[span.zone].description();
        if (what.kind != zone_kind::movable) lowmem_frames += what.present_frames;
    }
    const std::uint64_t min_free = min_free_frames(rules, lowmem_frames, zones.page_shift());
    for (const auto& span : table) {
        const auto& what = zones[span.zone].description();
        std::uint64_t node_frames[zone_kinds] = {};
        for (const auto& other : table) {
            const auto& neighbour = zones[other.zone].description();
            if (neighbour.node != what.node) continue;
            node_frames[static_cast<std::size_t>(neighbour.kind)] += neighbour.present_frames;
        }
        zones.reserve(span.zone).set(
            watermarks_of_zone(rules, what.kind, what.present_frames, min_free, lowmem_frames));
        zones.reserve(span.zone).set(lowmem_reserve_of_zone(rules, what.kind, node_frames));
    }
}

}  // namespace ashlar::detail
