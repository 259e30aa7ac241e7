// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>

using zone = ashlar::zone<ashlar::list_buddy<ashlar::platform>>;

ashlar::physical_memory<zone, ashlar::reliability_first, ashlar::machine_shape{.max_zones = 0}> ram;
