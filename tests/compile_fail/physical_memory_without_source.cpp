// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/zone/physical_memory.hpp>

ashlar::physical_memory<ashlar::platform> ram;
