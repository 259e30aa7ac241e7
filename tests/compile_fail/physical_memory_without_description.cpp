// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>

ashlar::physical_memory<ashlar::list_buddy<ashlar::platform>> ram;
