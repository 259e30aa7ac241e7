// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>

namespace lab {

/// One processor of the lab, which plays the traced CPUs one after the other.
struct lab_platform : ashlar::platform {
    [[nodiscard]] static ashlar::cpu_id this_cpu() noexcept { return cpu; }
    [[nodiscard]] static ashlar::cpu_id max_cpus() noexcept { return cpus; }
    [[nodiscard]] static ashlar::node_id this_node() noexcept { return node; }

    inline static ashlar::cpu_id cpus = 1;   ///< of the trace; set before a machine is booted
    inline static ashlar::cpu_id cpu = 0;    ///< of the step at hand
    inline static ashlar::node_id node = 0;  ///< where that CPU runs
};

}  // namespace lab
