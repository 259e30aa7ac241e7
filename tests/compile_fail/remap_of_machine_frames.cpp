// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/remap_table.hpp>

ashlar::remap_table<> moved;
const auto where = moved.translate(ashlar::frame<ashlar::machine>{1});
