// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lab {

/// A share at each moment; none where there was nothing to share.
using share_series = std::vector<std::optional<double>>;

/// The state of memory over the time of a trace: each list has one element a moment.
struct samples {
    struct zone {
        std::vector<std::uint64_t> free_frames;
        std::vector<std::uint64_t> whole_blocks;  ///< pageblocks that are all free
    };

    std::vector<zone> zones;
    share_series whole_blocks;      ///< of the free frames, those in pageblocks that are all free
    share_series kernel_in_mirror;  ///< of the frames that the kernel has, those that are mirrored
    share_series local;  ///< of the frames in use, those on the node of the CPU that asked for them
    std::vector<std::string> cells;  ///< of the heat map, see `heat_cells`
};

}  // namespace lab
