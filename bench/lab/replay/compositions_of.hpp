// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/replay/composition.hpp"
#include "lab/replay/policies.hpp"
#include "lab/replay/replay.hpp"

namespace lab {

template <class Source, class Order, class NodeChoice>
[[nodiscard]] std::unique_ptr<player> make_player(const std::string& name, const replay_input& input) {
    return std::make_unique<replay<Source, Order, NodeChoice>>(name, input);
}

/// Every composition of one source.
template <class Source>
[[nodiscard]] std::vector<composition> compositions_of(const std::string& source) {
    using ashlar::locality_first;
    using ashlar::reliability_first;
    return {
        {source + "/reliability_first/nearest", make_player<Source, reliability_first, nearest>},
        {source + "/reliability_first/interleave", make_player<Source, reliability_first, interleaved>},
        {source + "/locality_first/nearest", make_player<Source, locality_first, nearest>},
        {source + "/locality_first/interleave", make_player<Source, locality_first, interleaved>},
        {source + "/mirror_off/nearest", make_player<Source, mirror_off, nearest>},
        {source + "/mirror_off/interleave", make_player<Source, mirror_off, interleaved>},
    };
}

}  // namespace lab
