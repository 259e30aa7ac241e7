// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

namespace lab {

/// The scale of a chart: from `low` to `high`, with a tick at every multiple of `step`.
struct axis {
    double low = 0;
    double high = 1;
    double step = 1;

    [[nodiscard]] std::vector<double> ticks() const;
    /// Where a value lies, from 0 at `low` to 1 at `high`.
    [[nodiscard]] double place(double value) const { return (value - low) / (high - low); }
    /// Digits behind the point that tell the ticks apart.
    [[nodiscard]] int digits() const;
};

/// With about so many ticks, at round values; its ends are the range's.
[[nodiscard]] axis axis_between(double low, double high, int ticks);
/// The same, its ends moved out to ticks.
[[nodiscard]] axis axis_around(double low, double high, int ticks);

/// "12.5%", for an attribute or a style.
[[nodiscard]] std::string percent_of(double part);

}  // namespace lab
