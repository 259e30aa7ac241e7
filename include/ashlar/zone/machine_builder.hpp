// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/zone/metadata_carver.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Makes the zones of a machine from a map: first the machine's tables, then zone by zone, carved from one or
/// more pieces of metadata. One caller, who holds `change`.
template <class Slots>
class machine_builder {
 public:
    using zone_type = typename Slots::zone_type;
    using space = typename Slots::space;
    using word = typename zone_type::word;
    using description_type = typename Slots::description_type;

    machine_builder(Slots& zones, const memory_map& map, const topology& nodes,
                    const zone_rules& rules) noexcept
        : zones_(zones), map_(map), nodes_(nodes), rules_(rules) {}

    /// Bytes for the zones of the nodes that `serves(node)`; 0 if the machine takes fewer zones.
    template <class Serves>
    [[nodiscard]] static std::size_t bytes(const memory_map& map, const topology& nodes,
                                           const zone_rules& rules, bool with_tables,
                                           Serves&& serves) noexcept {
        const std::size_t count = zone_count(map, rules);
        if (count > Slots::max_zones) return 0;
        metadata_carver carver({});
        if (with_tables) (void)Slots::carve_tables(carver, count, nodes.node_count());
        for_each_planned_zone(map, rules, [&](const zone_description& zone) noexcept {
            if (serves(zone.node)) (void)carve_zone(carver, zone);
        });
        return carver.used();
    }

    /// `metadata(piece)` are the bytes of each of `pieces`; `serves(piece, node)` says whose zones go there.
    template <class Metadata, class Serves>
    errc boot(std::size_t pieces, Metadata&& metadata, Serves&& serves, start how,
              std::uint64_t& dropped) noexcept {
        const typename Slots::change alone(zones_);
        if (!alone.held() || !zones_.empty()) return errc::busy;
        const std::size_t count = zone_count(map_, rules_);
        if (count > Slots::max_zones) return errc::limit;
        typename Slots::bookkeeping books;
        std::size_t made = 0;
        errc wrong = errc::ok;
        for (std::size_t piece = 0; piece < pieces && wrong == errc::ok; ++piece) {
            metadata_carver carver(metadata(piece));
            if (piece == 0) books = Slots::carve_tables(carver, count, nodes_.node_count());
            if (carver.overflowed()) wrong = errc::limit;
            for_each_planned_zone(map_, rules_, [&](const zone_description& zone) noexcept {
                if (wrong != errc::ok || !serves(piece, zone.node)) return;
                wrong = zones_.add(carve_zone(carver, zone), in_this_space(zone), how);
                ++made;
            });
        }
        if (wrong == errc::ok && made != count) wrong = errc::limit;
        if (wrong == errc::ok && how == start::fresh) wrong = mark_unaccepted();
        if (wrong != errc::ok) {
            zones_.forget();
            return wrong;
        }
        zones_.keep(books, nodes_, rules_, map_.page_shift());
        dropped = 0;
        if (how == start::fresh) {
            for_each_zone_piece(map_, rules_, [&](const zone_description& piece) noexcept {
                if (piece.present_frames == 0) return;
                dropped += piece.span.count - bring_online(in_this_space(piece).span);
            });
        }
        zones_.publish();
        return errc::ok;
    }

 private:
    [[nodiscard]] static std::size_t zone_count(const memory_map& map, const zone_rules& rules) noexcept {
        std::size_t count = 0;
        for_each_planned_zone(map, rules, [&count](const zone_description&) noexcept { ++count; });
        return count;
    }

    [[nodiscard]] static constexpr description_type in_this_space(const zone_description& what) noexcept {
        return {{frame<space>{what.span.first.number}, what.span.count},
                what.present_frames,
                what.node,
                what.kind,
                what.mirrored};
    }

    [[nodiscard]] static view<word> carve_zone(metadata_carver& carver,
                                               const zone_description& what) noexcept {
        return carver.template carve<word>(zone_type::metadata_words(in_this_space(what).span));
    }

    /// Marks in a source what its guest has not accepted yet; `unsupported` if no layer of it accepts.
    template <class Source>
    [[nodiscard]] static errc mark_unaccepted_in(Source& source, range<space> frames) noexcept {
        if constexpr (requires { source.mark_unaccepted(frames); }) {
            return source.mark_unaccepted(frames);
        } else if constexpr (requires { source.inner(); }) {
            return mark_unaccepted_in(source.inner(), frames);
        } else {
            return errc::unsupported;
        }
    }

    /// While nothing is online: no frame may be handed out before its zone knows that it is unaccepted.
    errc mark_unaccepted() noexcept {
        errc wrong = errc::ok;
        for_each_zone_piece(map_, rules_, [&](const zone_description& piece) noexcept {
            if (wrong != errc::ok || piece.present_frames == 0) return;
            const unsigned shift = map_.page_shift();
            const bool unaccepted = map_.any_of(
                piece.span.first.number << shift, piece.span.end().number << shift,
                [](const memory_entry& entry) noexcept { return entry.has(memory_attribute::unaccepted); });
            if (!unaccepted) return;
            const range<space> frames = in_this_space(piece).span;
            const std::size_t number = zones_.holding(frames);
            wrong = number == Slots::none ? errc::corrupt : mark_unaccepted_in(zones_[number], frames);
        });
        return wrong;
    }

    /// How many frames of a stretch came online. Where the zone's table is full of holes the stretch is taken
    /// inwards, to where it needs no more of them.
    std::uint64_t bring_online(range<space> frames) noexcept {
        const std::size_t number = zones_.holding(frames);
        if (number == Slots::none) return 0;
        const std::uint64_t mask = (std::uint64_t{1} << zone_type::isolation_order) - 1;
        const auto inner = range<space>::between(frame<space>{(frames.first.number + mask) & ~mask},
                                                 frame<space>{frames.end().number & ~mask});
        for (const range<space> tried : {frames, inner}) {
            if (tried.empty() || zones_[number].online(tried) != errc::ok) continue;
            zones_.reserve(number).arrived(tried.count);
            return tried.count;
        }
        return 0;
    }

    Slots& zones_;
    const memory_map& map_;
    const topology& nodes_;
    const zone_rules& rules_;
};

}  // namespace ashlar::detail
