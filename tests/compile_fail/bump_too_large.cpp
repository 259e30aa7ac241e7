// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/bump.hpp>

ashlar::bump<ashlar::platform, ashlar::bump_shape{.top_order = 31}> source;
