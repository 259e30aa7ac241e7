// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/locked.hpp>

ashlar::locked<int> zone;
