// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/matrix/results.hpp"
#include "lab/page/line_chart.hpp"

namespace lab {

/// In seconds; in events, where the trace tells no time.
[[nodiscard]] time_scale time_scale_of(const scenario& told);

/// "at 3.2 s"
[[nodiscard]] std::string time_label(const scenario& told, const moment& at);

}  // namespace lab
