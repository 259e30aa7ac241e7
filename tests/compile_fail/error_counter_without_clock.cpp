// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/error_counter.hpp>

ashlar::error_counter<ashlar::platform> errors({});
