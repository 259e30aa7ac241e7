// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/testing/fault_injected.hpp>

ashlar::testing::fault_injected<int> zone;
