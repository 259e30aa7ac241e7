// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/replay_input.hpp"

#include <algorithm>
#include <cstddef>

namespace lab {
namespace {

using ashlar::node_id;

std::vector<node_id> nodes_with_cpus(const machine& on) {
    std::vector<bool> has_memory(on.nodes.node_count());
    (*on.map)->for_each_usable([&](const ashlar::usable_run& run) {
        if (run.node < has_memory.size()) has_memory[run.node] = true;
    });
    std::vector<node_id> with_memory;
    std::vector<node_id> with_both;
    for (unsigned id = 0; id < on.nodes.node_count(); ++id) {
        const auto node = static_cast<node_id>(id);
        if (!has_memory[id]) continue;
        with_memory.push_back(node);
        if (on.nodes.cpus(node) > 0) with_both.push_back(node);
    }
    return with_both.empty() ? with_memory : with_both;
}

}  // namespace

replay_input make_replay_input(const operation_list& trace, const machine& on) {
    std::size_t cpus = 1;
    for (const operation& step : trace.steps) cpus = std::max(cpus, std::size_t{step.cpu} + 1);
    const std::vector<node_id> nodes = nodes_with_cpus(on);
    replay_input input{trace, on, {}};
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) input.nodes_of_cpus.push_back(nodes[cpu % nodes.size()]);
    return input;
}

}  // namespace lab
