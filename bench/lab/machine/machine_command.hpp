// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "lab/arguments.hpp"

namespace lab {

/// ashlar-lab machine FILES...: prints what the tables say. Throws `failure`.
void run_machine_command(arguments words);

}  // namespace lab
