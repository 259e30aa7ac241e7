// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/trace/trace_event.hpp"

namespace lab {

/// What a file of events says, in its order; times count from the first event.
struct trace {
    std::vector<trace_event> events;
    std::uint64_t unreadable_lines = 0;
};

/// Reads `perf script` text or the compact form, plain or packed by xz. Throws `failure`, also if there is no
/// event in it.
[[nodiscard]] trace read_trace(const std::string& path);

/// Frames without a prefix are decimal, as old kernels print them, unless a letter shows that they are not.
void settle_frame_numbers(std::vector<trace_event>& events);

}  // namespace lab
