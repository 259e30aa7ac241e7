// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/poisoned.hpp>
#include <ashlar/source/radix_buddy.hpp>

ashlar::poisoned<ashlar::radix_buddy<ashlar::platform>> zone;
