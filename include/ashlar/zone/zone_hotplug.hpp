// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/zone/metadata_carver.hpp>
#include <cstddef>

namespace ashlar::detail {

/// `physical_memory::attach`: adds a zone and publishes it.
template <class Slots>
errc attach_zone(Slots& zones, const typename Slots::description_type& what, view<std::byte> metadata,
                 start how) noexcept {
    using frames = range<typename Slots::space>;
    using zone_type = typename Slots::zone_type;
    const typename Slots::change alone(zones);
    if (!alone.held() || zones.empty()) return errc::busy;
    const auto& table = zones.active();
    if (what.span.empty() || what.span.wraps() || what.node >= table.nodes()) return errc::invalid;
    for (const auto& span : table) {
        if (what.span.overlaps(frames::between(span.first, span.end))) return errc::busy;
    }
    if (table.size() == table.capacity()) return errc::limit;
    metadata_carver carver(metadata);
    const auto words = carver.template carve<typename zone_type::word>(zone_type::metadata_words(what.span));
    if (const errc error = zones.add(words, what, how); error != errc::ok) return error;
    zones.publish();
    return errc::ok;
}

/// `physical_memory::detach`: unpublishes the zone with this span, waits, and detaches it.
template <class Slots>
errc detach_zone(Slots& zones, range<typename Slots::space> frames) noexcept {
    const typename Slots::change alone(zones);
    if (!alone.held()) return errc::busy;
    const auto* const span = zones.active().find(frames.first);
    if (span == nullptr || range<typename Slots::space>::between(span->first, span->end) != frames) {
        return errc::invalid;
    }
    return zones.remove(span->zone);
}

}  // namespace ashlar::detail
