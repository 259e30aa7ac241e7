// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/composition.hpp"

#include <algorithm>
#include <utility>

#include "lab/failure.hpp"

namespace lab {

std::vector<composition> all_compositions() {
    std::vector<composition> all = rows_compositions();
    for (composition& each : radix_compositions()) all.push_back(std::move(each));
    for (composition& each : list_compositions()) all.push_back(std::move(each));
    return all;
}

std::vector<composition> find_compositions(const std::vector<std::string>& names) {
    std::vector<composition> all = all_compositions();
    if (names.empty()) return all;
    std::vector<composition> found;
    for (const std::string& name : names) {
        const auto at =
            std::find_if(all.begin(), all.end(), [&](const composition& c) { return c.name == name; });
        if (at == all.end()) throw usage_error("--composition " + name + ": there is none of this name");
        found.push_back(*at);
    }
    return found;
}

}  // namespace lab
