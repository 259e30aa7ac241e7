// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/core/atomic.hpp>

ashlar::builtin_atomic<int> word;
