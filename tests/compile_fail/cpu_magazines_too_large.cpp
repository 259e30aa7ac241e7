// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/source/list_buddy.hpp>

ashlar::cpu_magazines<ashlar::list_buddy<ashlar::platform>, ashlar::magazine_shape{.largest_order = 10}> zone;
