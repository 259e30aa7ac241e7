// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/migration.hpp>

using mover = ashlar::migration<ashlar::platform, int, int>;
static_assert(sizeof(mover) != 0);
