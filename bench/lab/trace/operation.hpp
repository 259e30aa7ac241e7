// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lab/trace/trace_event.hpp"

namespace lab {

/// A step of a replay. What the trace calls by frame number is called by slot here: where the replay keeps
/// the block that it got instead.
struct operation {
    std::uint32_t slot = 0;
    std::uint32_t offset = 0;  ///< of a free: frames from the start of the slot's block
    std::uint16_t cpu = 0;
    std::uint8_t order = 0;
    trace_event::action what = trace_event::action::allocate;
    ashlar::mobility mobility = ashlar::mobility::unmovable;
    bool kernel = false;
};

/// A trace made ready to be replayed.
struct operation_list {
    std::vector<operation> steps;
    std::vector<std::uint64_t> times_us;  ///< of each step, since the first event
    std::vector<operation> clean_up;      ///< frees of what is left at the end
    std::size_t slots = 0;                ///< as many as blocks are live at once
    std::uint64_t peak_frames = 0;        ///< live at once, at most
    std::uint64_t left_frames = 0;        ///< live at the end
    std::uint64_t foreign_frees = 0;      ///< left out: of frames that were never seen allocated
    std::uint64_t lost_frees = 0;  ///< put in: the frame was handed out again without having been freed
};

/// Frees may be of parts of a block, or of several blocks at once.
[[nodiscard]] operation_list make_operations(const std::vector<trace_event>& events);

}  // namespace lab
