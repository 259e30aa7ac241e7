// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "lab/replay/composition.hpp"
#include "lab/replay/figures.hpp"
#include "lab/replay/replay_input.hpp"

namespace lab {

/// The figures of each composition, in their order. Time is taken in rounds, one replay of each composition
/// after the other, so that what else the machine does meets all of them alike. Throws `failure`.
[[nodiscard]] std::vector<figures> measure(const std::vector<composition>& compositions,
                                           const replay_input& input);

}  // namespace lab
