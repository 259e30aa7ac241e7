// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/arguments.hpp"

namespace lab {

/// ashlar-lab replay --trace FILE ...: replays a trace and prints what came of it. Throws `failure`.
void run_replay_command(arguments words);

/// For --help.
[[nodiscard]] std::string replay_help();

}  // namespace lab
