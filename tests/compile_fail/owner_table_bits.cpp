// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/zone/owner_table.hpp>

ashlar::owner_table<ashlar::platform, ashlar::owner_shape{.bits = 4}> owners;
