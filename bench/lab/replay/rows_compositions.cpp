// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>

#include "lab/replay/compositions_of.hpp"
#include "lab/replay/lab_platform.hpp"

namespace lab {

std::vector<composition> rows_compositions() {
    return compositions_of<ashlar::cpu_rows<ashlar::radix_buddy<lab_platform>>>("rows");
}

}  // namespace lab
