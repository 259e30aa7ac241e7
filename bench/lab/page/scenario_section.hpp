// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

#include "lab/matrix/results.hpp"
#include "lab/page/look.hpp"

namespace lab {

/// "scenario-1"
[[nodiscard]] std::string scenario_id(std::size_t index);

/// The machine; and the trace, where there are several.
[[nodiscard]] std::string scenario_title(const matrix_results& results, std::size_t index);

/// The part of the page about one scenario.
[[nodiscard]] std::string scenario_section(const matrix_results& results, std::size_t index,
                                           const looks& drawn);

}  // namespace lab
