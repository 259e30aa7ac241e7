// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What a zone's frames are good for, from the scarcest on (Linux zone types).
enum class zone_kind : std::uint8_t {
    dma,      ///< reachable for devices with the fewest address bits (below 16 MiB on PCs)
    dma32,    ///< reachable for devices with 32 address bits
    normal,   ///< the rest
    movable,  ///< ordinary memory beside mirrored memory: nothing that must stay is put here by default in
              ///< Linux
};
inline constexpr std::size_t zone_kinds = 4;  ///< how many there are

/// The lower-case name. Any context.
[[nodiscard]] constexpr const char* to_string(zone_kind kind) noexcept {
    switch (kind) {
        case zone_kind::dma:
            return "dma";
        case zone_kind::dma32:
            return "dma32";
        case zone_kind::normal:
            return "normal";
        case zone_kind::movable:
            return "movable";
    }
    return "unknown";
}

/// What a machine knows of a zone. `span` covers the zone's frames and the firmware's holes between them;
/// `present_frames` are those that were online at boot.
template <class Space = machine>
struct basic_zone_description {
    range<Space> span{};
    std::uint64_t present_frames = 0;
    node_id node = 0;
    zone_kind kind = zone_kind::normal;
    bool mirrored = false;

    [[nodiscard]] friend constexpr bool operator==(const basic_zone_description&,
                                                   const basic_zone_description&) noexcept = default;
};
using zone_description = basic_zone_description<>;  ///< of machine frames

/// Where zones are cut. Addresses and sizes in bytes; the defaults are a PC's.
struct zone_rules {
    std::uint64_t dma_end = std::uint64_t{16} << 20;
    std::uint64_t dma32_end = std::uint64_t{4} << 30;
    /// A hole of at least this much begins a new zone, so that nobody pays for metadata of what is not there.
    std::uint64_t zone_gap = std::uint64_t{1} << 30;
};

}  // namespace ashlar
