// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/remap_table.hpp>

ashlar::remap_table<ashlar::platform, ashlar::remap_shape{.line_order = 5}> moved;
