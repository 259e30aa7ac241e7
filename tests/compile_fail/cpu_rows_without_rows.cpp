// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/list_buddy.hpp>

ashlar::cpu_rows<ashlar::list_buddy<ashlar::platform>> zone;
