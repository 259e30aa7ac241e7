// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/zone/frame_quota.hpp>
#include <cstdint>

namespace ashlar {

/// What a tenant holds and may hold, in frames.
struct tenant_counters {
    std::uint64_t held = 0;
    std::uint64_t mirrored = 0;  ///< of these, in mirrored memory
    std::uint64_t limit = unlimited_frames;
    std::uint64_t mirror_limit = unlimited_frames;
    std::uint64_t fallbacks = 0;  ///< requests that preferred mirrored memory and got ordinary memory
};

}  // namespace ashlar
