// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/evacuation.hpp>
#include <ashlar/source/bump.hpp>

ashlar::bump<ashlar::platform> early;
ashlar::evacuation emptied(early);
