// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/matrix/results.hpp"

namespace lab {

/// A table for people: the runs of one scenario.
[[nodiscard]] std::string scenario_as_text(const scenario& told);

/// As `matrix_json_help` says.
[[nodiscard]] std::string matrix_as_json(const matrix_results& results);

/// A line of names, then one for each run of each scenario.
[[nodiscard]] std::string matrix_as_csv(const matrix_results& results);

/// For --help.
inline constexpr const char* matrix_json_help =
    "  {\"measured_on\": {processor, processors, compiler, date, load}, \"repetitions\", \"scenarios\": "
    "[...]}\n"
    "  scenario: machine {name, nodes, page_bytes, frames, mirrored_frames, zones: [{node, kind, mirrored,\n"
    "    first_frame, spanned_frames, present_frames, cells}]}, trace {file, events, seconds, peak_frames,\n"
    "    left_frames}, pageblocks_per_cell, moments {seconds: [...], events: [...]}, runs: [...]\n"
    "  run: subject, ns_per_event {least, lower_quartile, median, upper_quartile, most, repetitions: "
    "[...]},\n"
    "    the figures of replay, and over_time: one element a moment in each of\n"
    "      whole_blocks_share     of the free frames, those in pageblocks that are all free\n"
    "      kernel_mirrored_share  of the frames that the kernel has, those that are mirrored\n"
    "      local_share            of the frames in use, those on the node of the CPU that asked for them\n"
    "      zones: [{free_frames, whole_blocks}]   in the order of the machine's zones\n"
    "      cells  of all zones, as runs of [count]character: a free, b c d e partly used by quarters, f "
    "full,\n"
    "             . no memory, = as at the moment before\n"
    "    A share is null where there is nothing to share. A pageblock is 512 frames, naturally aligned. The\n"
    "    last run of a scenario is the oracle, which is no allocator but a placement that knows when each\n"
    "    block will be freed: of its figures, only failures and whole blocks are not null.\n";

}  // namespace lab
