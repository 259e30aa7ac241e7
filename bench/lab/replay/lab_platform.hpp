// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>

namespace lab {

/// One processor of the lab, which plays the traced CPUs one after the other.
struct lab_platform : ashlar::platform {
    [[nodiscard]] static ashlar::node_id this_node() noexcept { return node; }

    inline static ashlar::node_id node = 0;  ///< where the CPU of the step at hand runs
};

}  // namespace lab
