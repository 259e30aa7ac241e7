// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote.hpp>
#include <cstddef>
#include <cstdint>

#include "layout.hpp"

/// The guest's own: ports, bytes of buses, registers.
namespace soft_ntb {

inline void out32(std::uint16_t port, std::uint32_t value) {
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
[[noreturn]] inline void end(std::uint16_t port, std::uint32_t value) {
    out32(port, value);
    for (;;) asm volatile("pause");
}
/// Ends the CPU, and with it the test, if this is not so.
inline void must(bool holds, const char* what) {
    if (!holds) end(port_failed, static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(what)));
}
inline void must(ashlar::errc answer, const char* what) {
    must(answer == ashlar::errc::ok, what);
}
inline void ask(call what, std::uint32_t server) {
    out32(port_call, static_cast<std::uint32_t>(what) << 8 | server);
}
inline orders& told() {
    return *reinterpret_cast<orders*>(orders_at);
}

// One plain move each: what a hypervisor has to emulate is simple, and made once.
inline std::uint64_t load64(std::uint64_t at) {
    std::uint64_t value;
    asm volatile("movq (%1), %0" : "=r"(value) : "r"(at) : "memory");
    return value;
}
inline void store64(std::uint64_t at, std::uint64_t value) {
    asm volatile("movq %0, (%1)" : : "r"(value), "r"(at) : "memory");
}

/// Registers of a bridge behind a BAR.
struct mapped_registers {
    std::uint64_t base;

    [[nodiscard]] std::uint32_t read32(std::uint64_t offset) const {
        std::uint32_t value;
        asm volatile("movl (%1), %0" : "=r"(value) : "r"(base + offset) : "memory");
        return value;
    }
    [[nodiscard]] std::uint64_t read64(std::uint64_t offset) const { return load64(base + offset); }
    void write32(std::uint64_t offset, std::uint32_t value) const {
        asm volatile("movl %0, (%1)" : : "r"(value), "r"(base + offset) : "memory");
    }
    void write64(std::uint64_t offset, std::uint64_t value) const { store64(base + offset, value); }
    static void store_fence() { asm volatile("sfence" : : : "memory"); }
};
static_assert(ashlar::register_access<mapped_registers>);

/// Numbers from a seed.
struct numbers {
    std::uint64_t state;
    std::uint64_t operator()() {
        state += 1;
        return mix(state, 0x1234'5678);
    }
};

/// A flag between CPUs.
struct flag {
    ashlar::builtin_atomic<std::uint32_t> word{};
    void raise(std::uint32_t value = 1) { word.store(value, ashlar::memory_order::release); }
    [[nodiscard]] std::uint32_t now() const { return word.load(ashlar::memory_order::acquire); }
    void wait(std::uint32_t value = 1) const {
        while (now() != value) asm volatile("pause");
    }
};

}  // namespace soft_ntb
