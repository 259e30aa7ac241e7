// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <ashlar/zone/mirror_order.hpp>
#include <ashlar/zone/node_choice.hpp>

#include "lab/replay/lab_platform.hpp"

namespace lab {

/// The node that the CPU runs on: what a request gets that names none.
struct nearest {
    explicit nearest(ashlar::node_set) {}
    [[nodiscard]] ashlar::node_id operator()() const noexcept { return ashlar::any_node; }
};

/// All nodes that have memory, in turn.
using interleaved = ashlar::interleave<lab_platform>;

/// The order of zones for a machine that does not look at mirrored memory: all memory is alike.
struct mirror_off : ashlar::reliability_first {};

}  // namespace lab
