// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Server A: the library without an operating system, in a virtual machine, behind bridges that its host
// plays.
#include <cstddef>
#include <cstdint>

#include "guest_drain.hpp"
#include "guest_link.hpp"
#include "guest_registers.hpp"
#include "guest_space.hpp"
#include "guest_zone.hpp"

extern "C" {
void* memcpy(void* to, const void* from, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        static_cast<unsigned char*>(to)[i] = static_cast<const unsigned char*>(from)[i];
    return to;
}
void* memmove(void* to, const void* from, std::size_t size) {
    if (to <= from) return memcpy(to, from, size);
    while (size-- != 0) static_cast<unsigned char*>(to)[size] = static_cast<const unsigned char*>(from)[size];
    return to;
}
void* memset(void* to, int value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        static_cast<unsigned char*>(to)[i] = static_cast<unsigned char>(value);
    return to;
}
int memcmp(const void* left, const void* right, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const int a = static_cast<const unsigned char*>(left)[i];
        const int b = static_cast<const unsigned char*>(right)[i];
        if (a != b) return a - b;
    }
    return 0;
}

/// Where each CPU begins.
[[noreturn, gnu::section(".start"), gnu::used]] void soft_ntb_start(std::uint64_t cpu) {
    using namespace soft_ntb;
    switch (told().what) {
        case scenario::registers:
            registers_scenario();
            break;
        case scenario::space:
            space_scenario();
            break;
        case scenario::drain:
            drain_scenario(cpu);
            break;
        case scenario::late_user:
            late_user_scenario(cpu);
            break;
        case scenario::link:
            link_scenario(told().variant);
            break;
        case scenario::storm:
            storm_scenario();
            break;
        case scenario::zone:
            zone_scenario();
            break;
    }
    end(port_ended, 0);
}
}
