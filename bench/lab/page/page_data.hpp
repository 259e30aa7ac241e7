// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/matrix/results.hpp"

namespace lab {

/// What the page's script needs, as JSON that can stand in a script element.
[[nodiscard]] std::string page_data(const matrix_results& results);

}  // namespace lab
