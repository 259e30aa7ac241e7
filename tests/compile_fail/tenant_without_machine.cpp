// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/zone/tenant.hpp>

ashlar::tenant<ashlar::platform> owner;
