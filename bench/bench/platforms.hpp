// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unistd.h>

#include <algorithm>
#include <ashlar/linux_backend/user_platform.hpp>

namespace bench {

/// Workloads have this many threads at most.
inline constexpr ashlar::cpu_id most_threads = 2;

/// A slot for each thread. What slots keep depends on how many there may be: no more than are used.
using each_thread = ashlar::thread_platform<most_threads>;

/// A slot for each CPU of this machine.
struct each_cpu : ashlar::cpu_platform<64> {
    [[nodiscard]] static ashlar::cpu_id max_cpus() noexcept { return count; }

 private:
    static inline const ashlar::cpu_id count =
        static_cast<ashlar::cpu_id>(std::clamp<long>(sysconf(_SC_NPROCESSORS_CONF), 1, 64));
};

}  // namespace bench
