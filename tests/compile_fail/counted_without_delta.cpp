// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/counted.hpp>
#include <ashlar/source/list_buddy.hpp>

ashlar::counted<ashlar::list_buddy<ashlar::platform>, ashlar::count_shape{.delta = 0}> zone;
