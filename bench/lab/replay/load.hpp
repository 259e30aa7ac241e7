// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/machine/machine.hpp"
#include "lab/trace/operation.hpp"

namespace lab {

/// Reads a trace, makes it ready to be replayed, and says on stderr what it had to leave out. Throws
/// `failure`, also if nothing is allocated in it.
[[nodiscard]] operation_list load_trace(const std::string& path);

/// Reads a machine and says on stderr what is wrong with its tables. Throws `failure`.
[[nodiscard]] machine load_machine(const machine_inputs& inputs);

/// A machine without tables for a trace: so large that no order of events can exhaust it.
[[nodiscard]] machine machine_for(const operation_list& trace);

/// From the first step to the last.
[[nodiscard]] double seconds_of(const operation_list& trace);

/// Frames that are mirrored.
[[nodiscard]] std::uint64_t mirrored_frames(const machine& of);

/// What is in them, in sentences for people.
[[nodiscard]] std::string trace_as_text(const operation_list& trace);
[[nodiscard]] std::string machine_as_sentence(const machine& shown);

}  // namespace lab
