// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/machine/machine.hpp"

namespace lab {

/// Latencies, bandwidths, nearest initiators and caches that an HMAT tells, for people; nothing without one.
[[nodiscard]] std::string performance_as_text(const machine& shown);

}  // namespace lab
