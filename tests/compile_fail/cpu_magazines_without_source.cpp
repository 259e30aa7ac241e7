// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_magazines.hpp>

ashlar::cpu_magazines<int> zone;
