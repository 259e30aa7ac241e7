// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

#include "lab/matrix/results.hpp"
#include "lab/page/look.hpp"

namespace lab {

/// "scenario-1"
[[nodiscard]] std::string scenario_id(std::size_t index);

/// "dmesg.txt, SRAT.dat under trace.tsv"
[[nodiscard]] std::string scenario_title(const scenario& told);

/// The part of the page about one scenario.
[[nodiscard]] std::string scenario_section(const scenario& told, std::size_t index, const looks& drawn);

}  // namespace lab
