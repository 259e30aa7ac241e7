// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/scrubbed.hpp>

ashlar::scrubbed<ashlar::platform> zone;
