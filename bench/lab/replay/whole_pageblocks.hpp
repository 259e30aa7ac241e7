// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

#include "lab/machine/machine.hpp"

namespace lab {

/// First frames of the pageblocks all of whose frames are there, ascending.
[[nodiscard]] std::vector<std::uint64_t> whole_pageblocks_of(const machine& on);

}  // namespace lab
