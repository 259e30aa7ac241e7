// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/axis.hpp"

#include <algorithm>
#include <cmath>

#include "lab/text/numbers.hpp"

namespace lab {

std::vector<double> axis::ticks() const {
    std::vector<double> values;
    const double slack = step / 1000;
    // Adding 0 makes a negative zero a plain one.
    for (double n = std::ceil((low - slack) / step); n * step <= high + slack; ++n)
        values.push_back(n * step + 0.0);
    return values;
}

int axis::digits() const {
    return std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
}

axis axis_between(double low, double high, int ticks) {
    if (!(high > low)) high = low + 1;
    const double rough = (high - low) / ticks;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double round : {1.0, 2.0, 5.0}) {
        if (rough <= round * power) return {low, high, round * power};
    }
    return {low, high, 10 * power};
}

axis axis_around(double low, double high, int ticks) {
    axis scale = axis_between(low, high, ticks);
    scale.low = std::floor(scale.low / scale.step + 1e-9) * scale.step;
    scale.high = std::ceil(scale.high / scale.step - 1e-9) * scale.step;
    return scale;
}

std::string percent_of(double part) {
    return fixed(100 * part, 2) + '%';
}

}  // namespace lab
