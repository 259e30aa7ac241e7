// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/remote/window.hpp>

constexpr ashlar::window memory{.local = {0x1000}, .target = {0x2000}, .bytes = 0x1000};
const auto where = memory.to_local(ashlar::byte_address<ashlar::guest>{0x2000});
