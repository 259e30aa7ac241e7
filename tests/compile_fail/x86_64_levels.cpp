// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/paging/x86_64.hpp>

template struct ashlar::basic_x86_64<ashlar::x86_64_shape{.levels = 3}>;
