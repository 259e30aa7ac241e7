// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/hand_shake.hpp>
#include <atomic>
#include <cstdint>

/// Three processes, each of which plays a server: what they and whoever started them share.
namespace three_servers {

inline constexpr std::uint32_t servers = 3;
inline constexpr std::uint64_t page = 4096;

// Each server's memory, by its own addresses: what only it uses, what it allocates from, what it donates.
inline constexpr std::uint64_t memory_bytes = 256 * page;
inline constexpr std::uint64_t canaries_at = 0x1000;  ///< one for each peer
inline constexpr std::uint64_t table_at = 0x2000;     ///< a P2M
inline constexpr std::uint64_t table_pages = 12;
inline constexpr std::uint64_t guest_first = 0x7000'0000;
inline constexpr std::uint64_t own_at = 16 * page;
inline constexpr std::uint64_t own_frames = 112;
inline constexpr std::uint64_t donated_frames = 64;

[[nodiscard]] constexpr std::uint64_t canary_at(std::uint32_t peer) {
    return canaries_at + 8 * std::uint64_t{peer};
}
/// The two others, by distance.
[[nodiscard]] constexpr std::uint32_t peer_of(std::uint32_t server, std::uint32_t which) {
    return (server + 1 + which) % servers;
}
/// What a server donates to a peer.
[[nodiscard]] constexpr ashlar::byte_range<ashlar::peer> donated(std::uint32_t server, std::uint32_t peer) {
    const bool is_next = peer_of(server, 0) == peer;
    return {{own_at + (own_frames + (is_next ? 0 : donated_frames)) * page}, donated_frames * page};
}
/// The word at the start of a guest's page, on a server.
[[nodiscard]] constexpr std::uint64_t guest_word(std::uint32_t server, std::uint64_t number) {
    return 0x5000 + 0x100 * std::uint64_t{server} + number;
}

/// What is written into memory that was allocated: who, which allocation, and where in the home's memory.
struct stamp {
    std::uint32_t owner;
    std::uint32_t serial;
    std::uint64_t place;

    [[nodiscard]] constexpr std::uint64_t word() const {
        return std::uint64_t{owner + 1} << 56 | std::uint64_t{serial & 0xff'ffff} << 32 | place / 8;
    }
    [[nodiscard]] static constexpr bool is_of(std::uint64_t word, std::uint32_t owner, std::uint64_t place) {
        return word >> 56 == owner + 1 && (word & 0xffff'ffff) == place / 8;
    }
    static constexpr std::uint64_t offsets[] = {0, 0x508, 0xa10, 0xff8};
};

/// What a server tells at its end.
struct report {
    std::uint64_t accounted;     ///< frames: its own and those that it had donated
    std::uint64_t allocated[3];  ///< blocks that it was given, by home
    std::uint64_t stamps;        ///< that it read, and that were right
    std::uint64_t resolved;      ///< words of guests on others
    std::uint64_t lost_held;     ///< frames
    std::uint64_t lost_free;
    std::uint64_t suspicions;  ///< somebody who only was slow
};

/// A server's lines of what all share. Written by the server, but for `is_alive`.
struct alignas(64) line_of_server {
    std::atomic<std::uint64_t> heartbeat;
    std::atomic<std::uint32_t> is_alive;          ///< by whoever started it
    std::atomic<std::uint32_t> joined[servers];   ///< which start of that peer it is joined with; 0: none
    std::atomic<std::uint32_t> losses[servers];   ///< how often that peer was lost
    std::atomic<std::uint32_t> is_done[servers];  ///< it will not touch that peer's memory any more
    report told;
};
struct board {
    line_of_server of[servers];
    std::atomic<std::uint32_t> is_winding_up;
};

// The file that they share: a page for the board, and one for hand-shakes.
inline constexpr std::uint64_t shared_bytes = 2 * page;
static_assert(sizeof(board) <= page);
/// What a server says to a peer at link-up, in that file.
[[nodiscard]] constexpr std::uint64_t hello_at(std::uint32_t server, std::uint32_t peer) {
    return page + 64 * std::uint64_t{server * servers + peer};
}
static_assert(4 * ashlar::hello_words <= 64);

/// When and how a server dies.
struct fate {
    std::uint64_t at_step = 0;      ///< by its own hand, at the n-th access or so; 0: not
    bool while_winding_up = false;  ///< counted from then on
};

}  // namespace three_servers
