// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>

#include "lab/replay/compositions_of.hpp"
#include "lab/replay/lab_platform.hpp"

namespace lab {

std::vector<composition> list_compositions() {
    return compositions_of<ashlar::locked<ashlar::list_buddy<lab_platform>>>("list");
}

}  // namespace lab
