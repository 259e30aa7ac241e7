// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/remap_hash.hpp>

struct nothing {};

ashlar::remap_hash<nothing> moved;
