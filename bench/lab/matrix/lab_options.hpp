// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lab/arguments.hpp"
#include "lab/machine/machine_inputs.hpp"

namespace lab {

/// A machine that the command line names; without inputs one that is made for each trace.
struct machine_choice {
    std::string name;
    machine_inputs inputs;
};

struct lab_options {
    std::vector<std::string> traces;
    std::vector<machine_choice> machines;  ///< at least one
    std::vector<std::string> compositions;
    std::vector<std::string> peers;
    std::size_t repetitions = 9;
    std::string html_path = "ashlar-lab.html";
    std::string json_path;  ///< beside the page, if nothing else is said
    std::string csv_path;
};

/// Throws `usage_error`.
[[nodiscard]] lab_options parse_lab_options(arguments words);

}  // namespace lab
