// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the contract says of every frame source, checked for one type; ASHLAR_TYPE_UNDER_TEST names it.
#include <cstring>
#include <limits>
#include <string>

#include "source/rig.hpp"

// What is worth being optimised is above: the type, and the loops of the rig. Of the laws Clang makes as much
// code again, with the sanitizers, and they run once.
#ifdef __clang__
#pragma clang optimize off
#endif
#include "source/laws_allocate.hpp"
#include "source/laws_attach.hpp"
#include "source/laws_presence.hpp"
