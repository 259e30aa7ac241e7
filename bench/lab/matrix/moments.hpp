// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

#include "lab/trace/operation.hpp"

namespace lab {

/// A time of a trace at which the state of memory is sampled.
struct moment {
    std::size_t steps = 0;  ///< that have been played
    double seconds = 0;     ///< since the first event
};

/// The start, before any step, then so many moments at equal distances in time, the last one after all steps.
/// Where all steps have the same time, at equal distances in steps.
[[nodiscard]] std::vector<moment> moments_of(const operation_list& trace, std::size_t intervals);

}  // namespace lab
