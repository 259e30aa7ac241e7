// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/spread.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace lab {

spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto quantile = [&](double part) {
        const double place = part * static_cast<double>(values.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const std::size_t above = std::min(below + 1, values.size() - 1);
        return std::lerp(values[below], values[above], place - static_cast<double>(below));
    };
    return {values.front(), quantile(0.25), quantile(0.5), quantile(0.75), values.back()};
}

}  // namespace lab
