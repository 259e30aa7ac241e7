// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>

ashlar::list_buddy<ashlar::platform, ashlar::buddy_shape{.top_order = 6, .pageblock_order = 7}> source;
