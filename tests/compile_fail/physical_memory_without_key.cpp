// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>

struct no_order {};

ashlar::physical_memory<ashlar::zone<ashlar::list_buddy<ashlar::platform>>, no_order> ram;
