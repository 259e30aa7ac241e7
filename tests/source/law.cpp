// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the contract says of every frame source, checked for one type; ASHLAR_TYPE_UNDER_TEST names it.
#include "source/laws_allocate.hpp"
#include "source/laws_attach.hpp"
#include "source/laws_presence.hpp"
