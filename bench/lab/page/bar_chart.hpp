// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "lab/matrix/results.hpp"
#include "lab/page/look.hpp"

namespace lab {

/// Times of an event: a bar to the median, a mark from quartile to quartile.
[[nodiscard]] std::string bar_chart(const std::vector<matrix_run>& runs, const looks& drawn);

}  // namespace lab
