// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lab/matrix/results.hpp"

namespace lab {

/// Cells a line: fewer and larger ones where there are few.
[[nodiscard]] std::size_t heat_columns(const scenario& told);

/// The state of every zone at the end of the trace, below a heading. The page's script draws the other
/// moments.
[[nodiscard]] std::string heat_map(const scenario& told, const matrix_run& run, const std::string& look);

/// What the colours mean; mirrored ones only where there are some.
[[nodiscard]] std::string heat_legend(bool with_mirrored);

/// The outlines of all cells of one level, as the data of an SVG path. A run of cells in a line is one
/// outline.
[[nodiscard]] std::string outline(std::string_view cells, std::size_t columns, char level);

}  // namespace lab
