// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/results.hpp"

namespace lab {

std::uint64_t scenario::usable_frames() const {
    std::uint64_t frames = 0;
    for (const ashlar::zone_description& zone : zones) frames += zone.present_frames;
    return frames;
}

std::uint64_t scenario::mirrored_frames() const {
    std::uint64_t frames = 0;
    for (const ashlar::zone_description& zone : zones) frames += zone.mirrored ? zone.present_frames : 0;
    return frames;
}

}  // namespace lab
