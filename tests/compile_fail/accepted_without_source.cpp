// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/accepted.hpp>

ashlar::accepted<ashlar::platform> zone;
