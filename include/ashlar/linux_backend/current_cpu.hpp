// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sched.h>

#include <cstddef>
#include <cstdint>

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

namespace ashlar {

namespace detail {

/// The CPU's number out of the area that glibc (2.35 and later) registers with the kernel for each thread,
/// for restartable sequences: one load, which the kernel keeps up to date. Negative where there is no such
/// area: an older libc or kernel, a thread that libc did not make, or GLIBC_TUNABLES=glibc.pthread.rseq=0.
///
/// Source: the GNU C Library manual, Restartable Sequences; linux/rseq.h.
[[nodiscard]] inline int registered_cpu() noexcept {
    // The header's own macro tells that it is glibc's.
#if defined(RSEQ_SIG) && (defined(__x86_64__) || defined(__aarch64__) || defined(__riscv))
    if (__rseq_size == 0) return -1;
    const char* thread = nullptr;
#if defined(__x86_64__)
    // What __builtin_thread_pointer is where the compiler has it for this target: the first word of the
    // thread's control block is its address.
    __asm__("mov %%fs:0, %0" : "=r"(thread));
#else
    thread = static_cast<const char*>(__builtin_thread_pointer());
#endif
    const char* const cpu = thread + __rseq_offset + offsetof(struct rseq, cpu_id);
    return static_cast<int>(*static_cast<const volatile std::uint32_t*>(static_cast<const void*>(cpu)));
#else
    return -1;
#endif
}

}  // namespace detail

/// The number of the CPU that the thread runs on, or did a moment ago; negative if the kernel does not tell.
/// One load where restartable sequences are registered, else `sched_getcpu` (the vDSO). Any thread, signal
/// handlers too.
[[nodiscard]] inline int current_cpu() noexcept {
    const int cpu = detail::registered_cpu();
    return cpu >= 0 ? cpu : sched_getcpu();
}

}  // namespace ashlar
