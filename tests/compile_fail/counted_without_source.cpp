// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/counted.hpp>

ashlar::counted<ashlar::platform> zone;
