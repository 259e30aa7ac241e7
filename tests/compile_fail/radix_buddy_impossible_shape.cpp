// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/radix_buddy.hpp>

ashlar::radix_buddy<ashlar::platform, ashlar::buddy_shape{.row_order = 40}> source;
