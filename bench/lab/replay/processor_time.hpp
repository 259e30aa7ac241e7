// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ctime>

namespace lab {

/// Nanoseconds that this thread has run: on a busy machine, what others do then counts less than it would by
/// the clock on the wall.
[[nodiscard]] inline double processor_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace lab
