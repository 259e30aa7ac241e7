// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/frame_copy.hpp>

ashlar::errc answer = ashlar::cpu_frame_copy<ashlar::platform>{}({1}, {2});
