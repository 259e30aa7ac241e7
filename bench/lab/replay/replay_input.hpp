// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <vector>

#include "lab/machine/machine.hpp"
#include "lab/trace/operation.hpp"

namespace lab {

/// What every composition is given.
struct replay_input {
    const operation_list& trace;
    const machine& on;
    /// By the CPU of the trace: CPU n runs on the n-th node that has memory and processors (of those that
    /// have memory, if none has both), and so on round.
    std::vector<ashlar::node_id> nodes_of_cpus;
};

[[nodiscard]] replay_input make_replay_input(const operation_list& trace, const machine& on);

}  // namespace lab
