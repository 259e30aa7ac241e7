// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/spares.hpp>

auto carve(ashlar::memory_map& told, ashlar::memory_map& spares) {
    return ashlar::carve_spares(told, spares, 1024);
}
