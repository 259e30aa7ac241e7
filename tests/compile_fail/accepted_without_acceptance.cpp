// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/accepted.hpp>
#include <ashlar/source/radix_buddy.hpp>

ashlar::accepted<ashlar::radix_buddy<ashlar::platform>> zone;
