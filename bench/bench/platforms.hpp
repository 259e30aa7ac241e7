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

#ifdef __x86_64__
/// The same with the guard of a kernel on x86-64: what it costs to keep interrupts off, but for the one
/// instruction that turns them off, which programs may not execute.
struct each_thread_guarded : each_thread {
    struct cpu_guard {
        // Through a register: GCC 12's __builtin_ia32_readeflags_u64 pops to the wrong place on the stack.
        // Whoever uses this is compiled without a red zone, as kernels are.
        cpu_guard() noexcept { asm volatile("pushfq\n\tpopq %0" : "=r"(flags_)::"memory"); }
        ~cpu_guard() { asm volatile("pushq %0\n\tpopfq" ::"r"(flags_) : "memory", "cc"); }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;

     private:
        unsigned long long flags_;
    };
};
#endif

/// A slot for each CPU of this machine.
struct each_cpu : ashlar::cpu_platform<64> {
    [[nodiscard]] static ashlar::cpu_id max_cpus() noexcept { return count; }

 private:
    static inline const ashlar::cpu_id count =
        static_cast<ashlar::cpu_id>(std::clamp<long>(sysconf(_SC_NPROCESSORS_CONF), 1, 64));
};

}  // namespace bench
