// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

/// What the host and its guest, server A, agree on: where everything is, and what is said by which port. Two
/// servers are behind bridges: B behind an Intel gen3, C behind a Switchtec. Freestanding.
namespace soft_ntb {

inline constexpr std::uint64_t kib = 1 << 10;
inline constexpr std::uint64_t mib = 1 << 20;
inline constexpr std::uint64_t page = 4096;

// Memory of server A, at its own addresses.
inline constexpr std::uint64_t ram_bytes = 8 * mib;
inline constexpr std::uint64_t tables_at = 0x1000;  ///< of pages
inline constexpr std::uint64_t orders_at = 0x8000;  ///< struct orders
inline constexpr std::uint64_t image_at = 1 * mib;
inline constexpr std::uint64_t stacks_end = 3 * mib;  ///< of CPU 0; the next ones below, one after the other
inline constexpr std::uint64_t stack_bytes = 64 * kib;
inline constexpr std::uint64_t own_at = 4 * mib;  ///< free for the guest, to the end
inline constexpr unsigned most_cpus = 3;

/// A bridge as A sees it: BARs with its registers and its windows, and what is behind.
struct bridge_place {
    std::uint64_t registers;
    std::uint64_t registers_bytes;
    std::uint64_t windows;  ///< the first one; the others follow
    std::uint64_t aperture;
    std::uint64_t peer_first;  ///< where the peer's memory begins, by its own addresses
    std::uint64_t peer_bytes;
};
/// Two windows; B's memory is above a hole that ends at 4 GiB.
inline constexpr bridge_place b{0xf000'0000, 0x8000, 0x38'0000'0000, 256 * kib, 0x1'0000'0000, 4 * mib};
/// Three windows.
inline constexpr bridge_place c{0xf001'0000, 0x1000, 0x39'0000'0000, 1 * mib, 0x4000'0000, 8 * mib};
inline constexpr std::uint32_t c_partition = 2;

/// A sees the scratchpads of its side here, and writes B's there (Linux ntb_hw_gen3.h: GEN3_IM_SPAD_OFFSET,
/// GEN3_EM_SPAD_OFFSET).
inline constexpr std::uint64_t own_scratchpads = 0x80;
inline constexpr std::uint64_t b_scratchpads = 0x4080;

// Memory of B and of C begins with these; then comes what the test puts there.
inline constexpr std::uint64_t canary_offset = 0;
inline constexpr std::uint64_t p2m_offset = 0x1000;  ///< two levels, a page each
inline constexpr std::uint64_t data_offset = 0x4000;

// A guest's memory, which is at home on three servers: so many pages on each, one server after the other.
inline constexpr std::uint64_t guest_first = 0x7000'0000;
inline constexpr std::uint64_t pages_of[] = {64, 192, 192};
inline constexpr std::uint64_t pages_in_all = 64 + 192 + 192;
/// Behind 4 KiB of addresses is a device of C, whose registers are at the end of C's memory.
inline constexpr std::uint64_t device_at = 0xd000'0000;
inline constexpr std::uint64_t device_offset = c.peer_bytes - page;

enum class scenario : std::uint32_t { registers, space, drain, late_user, link, storm, zone };

/// What the guest is to do: written before it runs. And what it tells.
struct orders {
    scenario what;
    std::uint32_t variant;
    std::uint64_t seed;
    std::uint64_t count;
    std::uint64_t told[8];
};

// Ports. A CPU that tells one of the first two ends.
inline constexpr std::uint16_t port_failed = 0x10;  ///< the address of a text: what is not so
inline constexpr std::uint16_t port_ended = 0x11;
/// `call` << 8 | server
inline constexpr std::uint16_t port_call = 0x12;
enum class call : std::uint32_t { drop_link, raise_link, start_again };
inline constexpr std::uint32_t server_a = 0;
inline constexpr std::uint32_t server_b = 1;
inline constexpr std::uint32_t server_c = 2;

/// What lies where, for all who write and check it: depends on each bit of both.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t key, std::uint64_t place) {
    std::uint64_t x = (key + 1) * 0x9e37'79b9'7f4a'7c15 ^ place;
    x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
    return x ^ x >> 31;
}
/// The word at a guest's address, for the server's start `epoch`; and what the guest puts there.
[[nodiscard]] constexpr std::uint64_t content(std::uint64_t seed, std::uint32_t epoch, std::uint64_t at) {
    return mix(seed + epoch * 0x1'0000'0001, at);
}
[[nodiscard]] constexpr std::uint64_t answer_to(std::uint64_t found) {
    return found ^ 0x5555'5555'5555'5555;
}

}  // namespace soft_ntb
