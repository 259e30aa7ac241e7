// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "lab/replay/figures.hpp"

namespace lab {

/// A table for people, with what its columns mean.
[[nodiscard]] std::string figures_as_text(const std::vector<figures>& all);

/// {"compositions": [{"composition", "ns_per_event", "mirrored_kernel_share", "local_share", "fallbacks",
/// "failures", "whole_blocks_share"}], "oracle": {"failures", "whole_blocks_share"}}
[[nodiscard]] std::string figures_as_json(const std::vector<figures>& all);

/// A line of names, then one for each composition and the oracle; the columns of the table.
[[nodiscard]] std::string figures_as_csv(const std::vector<figures>& all);

}  // namespace lab
