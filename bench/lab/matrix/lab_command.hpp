// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/arguments.hpp"

namespace lab {

/// ashlar-lab lab --trace FILE ...: a matrix of compositions over traces and machines, as a page, JSON and
/// CSV. Throws `failure`.
void run_lab_command(arguments words);

/// For --help.
[[nodiscard]] std::string lab_help();

}  // namespace lab
