// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstdint>

namespace ashlar {

/// The place of a zone in a request's order: the smallest first.
using zone_key = std::uint64_t;
inline constexpr zone_key excluded = ~zone_key{0};  ///< the key of a zone that is not tried

namespace detail {

/// Tier before distance before kind; the scarcer kinds last. Distances are those of the SLIT (10 is local).
[[nodiscard]] constexpr zone_key make_key(unsigned tier, unsigned distance, zone_kind kind) noexcept {
    const unsigned scarcity = kind == zone_kind::dma ? 2 : kind == zone_kind::dma32 ? 1 : 0;
    return zone_key{tier} << 32 | zone_key{distance} << 8 | scarcity;
}

}  // namespace detail

/// Mirrored memory before nearness: local mirror, remote mirrors by distance, local ordinary, remote ordinary
/// by distance. Ordinary requests do not use mirrored memory. Pure; any context. Source: CN104252419.
struct reliability_first {
    /// `request.mirror` is not `unspecified`: the machine has put its default in.
    template <class Space>
    [[nodiscard]] static constexpr zone_key key(const request<Space>& wanted,
                                                const basic_zone_description<Space>& zone,
                                                unsigned distance) noexcept {
        switch (wanted.mirror) {
            case mirror::required:
                return zone.mirrored ? detail::make_key(0, distance, zone.kind) : excluded;
            case mirror::preferred:
                return detail::make_key(zone.mirrored ? 0 : 1, distance, zone.kind);
            default:
                return zone.mirrored ? excluded : detail::make_key(0, distance, zone.kind);
        }
    }
};

/// Nearness before mirrored memory: local mirror, local ordinary, then the rest by distance, mirrored first
/// where the distance is the same. Otherwise as `reliability_first`.
struct locality_first {
    template <class Space>
    [[nodiscard]] static constexpr zone_key key(const request<Space>& wanted,
                                                const basic_zone_description<Space>& zone,
                                                unsigned distance) noexcept {
        if (wanted.mirror != mirror::preferred) return reliability_first::key(wanted, zone, distance);
        if (zone.node == wanted.node) return detail::make_key(zone.mirrored ? 0 : 1, 0, zone.kind);
        return detail::make_key(2, 2 * distance + (zone.mirrored ? 0 : 1), zone.kind);
    }
};

/// Lets ordinary requests use mirrored memory when all ordinary memory failed them.
template <class Order>
struct last_resort {
    template <class Space>
    [[nodiscard]] static constexpr zone_key key(const request<Space>& wanted,
                                                const basic_zone_description<Space>& zone,
                                                unsigned distance) noexcept {
        const zone_key place = Order::key(wanted, zone, distance);
        return place == excluded && wanted.mirror == mirror::ordinary
                   ? detail::make_key(3, distance, zone.kind)
                   : place;
    }
};

}  // namespace ashlar
