// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/radix_buddy.hpp>

ashlar::scrubbed<ashlar::radix_buddy<ashlar::platform>> zone;
