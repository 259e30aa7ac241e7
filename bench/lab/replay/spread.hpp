// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

namespace lab {

/// Where the values of a measurement lie.
struct spread {
    double least = 0;
    double lower_quartile = 0;
    double median = 0;
    double upper_quartile = 0;
    double most = 0;
};

/// Of at least one value, in any order. Between two values, the quantile is interpolated.
[[nodiscard]] spread spread_of(std::vector<double> values);

}  // namespace lab
