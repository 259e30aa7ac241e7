// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "lab/replay/observer.hpp"

namespace lab {

/// Replays one trace under one composition, as often as it is asked to, each time from a fresh boot.
class player {
 public:
    player() = default;
    virtual ~player() = default;
    player(const player&) = delete;
    player& operator=(const player&) = delete;

    /// Then frees what the trace left, which `watch` does not see, and checks that no frame was lost. Throws
    /// `failure`.
    virtual void show(observer& watch) = 0;
    /// Nanoseconds for the whole trace.
    [[nodiscard]] virtual double time() = 0;
};

}  // namespace lab
