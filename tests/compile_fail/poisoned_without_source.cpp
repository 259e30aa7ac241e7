// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/poisoned.hpp>

ashlar::poisoned<ashlar::platform> zone;
