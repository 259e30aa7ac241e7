// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>

#include "lab/replay/compositions_of.hpp"
#include "lab/replay/lab_platform.hpp"

namespace lab {

namespace {

/// Lines of their own for what can be moved, what can be reclaimed, and all else.
constexpr ashlar::buddy_shape kept_apart{.placement = ashlar::placement::fullest, .mobility_classes = true};

}  // namespace

std::vector<composition> rows_compositions() {
    using plain = ashlar::cpu_rows<ashlar::radix_buddy<lab_platform>>;
    using by_mobility = ashlar::cpu_rows<ashlar::radix_buddy<lab_platform, kept_apart>>;
    std::vector<composition> all = compositions_of<plain>("rows");
    all.push_back({"rows_by_mobility/reliability_first/nearest",
                   make_player<by_mobility, ashlar::reliability_first, nearest>});
    return all;
}

}  // namespace lab
