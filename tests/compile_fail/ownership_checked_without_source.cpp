// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/ownership_checked.hpp>

ashlar::ownership_checked<int> zone;
