// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/side_by_side.hpp>

using small = ashlar::list_buddy<ashlar::platform, ashlar::buddy_shape{.top_order = 9}>;
using large = ashlar::list_buddy<ashlar::platform, ashlar::buddy_shape{.top_order = 10}>;

ashlar::testing::side_by_side<small, large> run({{0}, 1024}, 1);
