// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/cpu_rows.hpp>

// The smallest slots of CPUs that explorations run on.
namespace ashlar::testing {

/// Two frames a CPU, in one block or two.
inline constexpr magazine_shape own_stacks{.batch = 2, .high = 2, .largest_order = 1, .frames_per_cpu = 1};
inline constexpr magazine_shape shared_stacks{
    .contract = slot_contract::shared, .batch = 2, .high = 2, .largest_order = 1, .frames_per_cpu = 1};
inline constexpr rows_shape own_rows{.frames_per_cpu = 1};
inline constexpr rows_shape shared_rows{.contract = slot_contract::shared, .frames_per_cpu = 1};

}  // namespace ashlar::testing
