// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ashlar {

/// Stores before it leave the processor before any after it, those in write-combining buffers, too: x86
/// sfence, AArch64 dsb st, RISC-V fence, else what the compiler has for all orders. They may still be under
/// way behind the processor: only a load from the same device waits for them. Any context.
inline void device_store_fence() noexcept {
#if defined(__x86_64__)
    __asm__ volatile("sfence" : : : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dsb st" : : : "memory");
#elif defined(__riscv)
    __asm__ volatile("fence ow, iorw" : : : "memory");
#else
    __sync_synchronize();
#endif
}

/// A load before it is complete before any access after it. Any context.
inline void device_load_fence() noexcept {
#if defined(__x86_64__)
    __asm__ volatile("lfence" : : : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dsb ld" : : : "memory");
#elif defined(__riscv)
    __asm__ volatile("fence ir, iorw" : : : "memory");
#else
    __sync_synchronize();
#endif
}

namespace detail {

/// A load before it is made before any after it.
inline void loads_in_order() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("" : : : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dmb ishld" : : : "memory");
#else
    __sync_synchronize();
#endif
}

}  // namespace detail
}  // namespace ashlar
