// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <cstdint>

namespace ashlar {

/// The lines of a frame: the unit of copying, of dirty bits and of what cannot be read. 64 bytes, or what the
/// platform says (`line_bytes`), at most a frame; a power of two that divides it.
template <class Platform>
struct line_geometry {
    static_assert(frame_access<Platform>,
                  "line_geometry<Platform>: the platform must offer frame_access (bytes_of, frame_bytes)");

    static constexpr std::uint64_t frame_bytes = Platform::frame_bytes;
    static constexpr std::uint64_t line_bytes = [] {
        if constexpr (requires { Platform::line_bytes; }) {
            return std::uint64_t{Platform::line_bytes};
        } else {
            return frame_bytes < 64 ? frame_bytes : std::uint64_t{64};
        }
    }();
    static_assert(line_bytes != 0 && (line_bytes & (line_bytes - 1)) == 0 && frame_bytes % line_bytes == 0,
                  "line_geometry<Platform>: line_bytes must be a power of two that divides frame_bytes");
    static constexpr std::uint64_t lines_per_frame = frame_bytes / line_bytes;
};

}  // namespace ashlar
