// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "lab/matrix/samples.hpp"
#include "lab/page/axis.hpp"

namespace lab {

struct chart_line {
    std::string name;
    std::string look;
    share_series values;
};

/// Where the moments of a trace lie on the scale beneath a chart.
struct time_scale {
    axis scale;
    std::string unit;  ///< "seconds of the trace"
    std::vector<double> places;
};

/// Charts are as wide as their place: lines are drawn in these units, whatever the shape of that.
inline constexpr double chart_units = 1000;

/// Shares over time. `data-line` of a line is its place in the list.
[[nodiscard]] std::string line_chart(const std::string& title, const std::string& explanation,
                                     const std::vector<chart_line>& lines, const time_scale& time);

}  // namespace lab
