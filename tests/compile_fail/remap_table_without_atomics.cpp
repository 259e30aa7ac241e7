// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/remap_table.hpp>

struct nothing {};

ashlar::remap_table<nothing> moved;
