// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/matrix/results.hpp"

namespace lab {

/// Everything on one HTML page that needs nothing else: charts are inline SVG, and without scripts only the
/// hand that moves through time is missing.
[[nodiscard]] std::string matrix_as_html(const matrix_results& results);

}  // namespace lab
