// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/paging/aarch64.hpp>

template struct ashlar::basic_aarch64<ashlar::aarch64_shape{.granule_shift = 13}>;
