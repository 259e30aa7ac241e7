// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>

ashlar::cpu_rows<ashlar::radix_buddy<ashlar::platform>, ashlar::rows_shape{.frames_per_cpu = 0}> zone;
