// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/zone/metadata_carver.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Frames for the metadata of the zones of one node. They may lie on another node.
struct metadata_piece {
    range<> frames{};
    node_id node = 0;

    [[nodiscard]] friend constexpr bool operator==(const metadata_piece&,
                                                   const metadata_piece&) noexcept = default;
};

namespace detail {

/// A place for metadata: the end of a usable run. A greater rank is a better place.
struct metadata_place {
    range<> frames{};
    unsigned distance = 0;
    unsigned rank = 0;

    [[nodiscard]] constexpr bool better_than(const metadata_place& other) const noexcept {
        if (other.frames.empty()) return true;
        if (distance != other.distance) return distance < other.distance;
        if (rank != other.rank) return rank > other.rank;
        return frames.first > other.frames.first;
    }
};

/// The best place for `count` frames near `node` that none of the pieces has yet; empty if there is none.
[[nodiscard]] constexpr range<> find_metadata_place(const memory_map& map, const topology& nodes,
                                                    node_id node, std::uint64_t count,
                                                    view<const metadata_piece> taken,
                                                    const zone_rules& rules) noexcept {
    const frame<> dma_end{rules.dma_end >> map.page_shift()};
    const frame<> dma32_end{rules.dma32_end >> map.page_shift()};
    metadata_place best;
    map.for_each_usable([&](const usable_run& run) noexcept {
        // Metadata never move: they would hold hot-pluggable memory in place.
        if (run.hot_pluggable) return;
        // Nor can they lie in memory that only allocation accepts.
        if (run.unaccepted) return;
        frame<> end = run.frames.end();
        for (const metadata_piece& piece : taken) {
            if (run.frames.contains(piece.frames) && piece.frames.first < end) end = piece.frames.first;
        }
        if (end.number - run.frames.first.number < count) return;
        metadata_place place;
        place.frames = {frame<>{end.number - count}, count};
        if (place.frames.first.number == 0) return;
        place.distance = nodes.distance(node, run.node == any_node ? node_id{0} : run.node);
        place.rank = (run.mirrored ? 4U : 0U) + (place.frames.first >= dma32_end ? 2U : 0U) +
                     (place.frames.first >= dma_end ? 1U : 0U);
        if (place.better_than(best)) best = place;
    });
    return best.frames;
}

}  // namespace detail

/// Takes the metadata of a machine out of its own map: for each node with zones a piece on that node, else on
/// the nearest that has room; mirrored memory first, low memory last, hot-pluggable and unaccepted memory
/// never. The pieces are excluded from the map, and `physical_memory::boot` takes them. The value is how many
/// there are.
///
/// `limit` if there are more nodes with zones than `pieces`, or more zones than the machine takes, or if the
/// map's array is full; `exhausted` if no node has room. The map is then as before, but for a map that is
/// full. Any context.
///
/// ```
/// ashlar::metadata_piece pieces[4];
/// const auto count = ashlar::plan_metadata<memory>(map, nodes, pieces);
/// if (count) (void)ram.boot(map, nodes, {pieces, *count}, bytes_of_frames);
/// ```
template <class Machine>
[[nodiscard]] constexpr result<std::size_t> plan_metadata(memory_map& map, const topology& nodes,
                                                          view<metadata_piece> pieces,
                                                          const zone_rules& rules = {}) noexcept {
    const std::uint64_t page = std::uint64_t{1} << map.page_shift();
    std::size_t count = 0;
    errc wrong = errc::ok;
    detail::for_each_planned_zone(map, rules, [&](const zone_description& zone) noexcept {
        if (wrong != errc::ok) return;
        for (std::size_t i = 0; i < count; ++i) {
            if (pieces[i].node == zone.node) return;
        }
        const std::size_t needed = Machine::metadata_bytes_of_node(map, nodes, zone.node, count == 0, rules);
        if (count == pieces.size() || needed == 0) {
            wrong = errc::limit;
            return;
        }
        const range<> place = detail::find_metadata_place(
            map, nodes, zone.node, (needed + page - 1) >> map.page_shift(), {pieces.data(), count}, rules);
        wrong = place.empty() ? errc::exhausted : errc::ok;
        if (wrong == errc::ok) pieces[count++] = {place, zone.node};
    });
    if (wrong != errc::ok) return wrong;
    for (std::size_t i = 0; i < count; ++i) {
        if (const errc error = map.exclude(pieces[i].frames); error != errc::ok) return error;
    }
    return count;
}

}  // namespace ashlar
