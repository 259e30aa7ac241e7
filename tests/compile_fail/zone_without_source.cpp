// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/zone/zone.hpp>

ashlar::zone<ashlar::platform> zone;
