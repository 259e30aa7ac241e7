// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/machine/machine.hpp"

namespace lab {

/// Nodes, distances, speed of access, zones, what is described, hot-plug windows, the mirrored share and
/// defects, as tables for people.
[[nodiscard]] std::string machine_as_text(const machine& shown);

/// {"nodes": [{"id", "cpus", "present_frames", "distances"}], "zones": [{"node", "kind", "mirrored",
/// "first_frame", "spanned_frames", "present_frames"}], "bytes_by_kind": {KIND: bytes}, "defects":
/// [{"source", "offset", "kind", "text"}]}. Frames are pages of 4 KiB; `distances` is the row of the node, by
/// id of the other.
[[nodiscard]] std::string machine_as_json(const machine& shown);

}  // namespace lab
