// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <cstdint>

namespace ashlar {

/// A window as it is set: accesses to `bytes` bytes from `local` on (bar base + offset in the BAR) arrive in
/// a peer's physical memory from `target` on. `local = bar base + offset + (pa - block)`, only inside base
/// and limit. Plain data; the bridge is not touched. Any context; constexpr; O(1).
///
/// Bridges that replace bits instead of adding (`replaces_bits`) show the same bytes where local and target
/// are multiples of the size; where the local side is not, the offset's low bits decide, so `local` may then
/// be any place of the BAR.
///
/// Errors: `not_covered`: an address, or one of the bytes asked for, is not inside. Spaces do not mix: the
/// address of a guest, or of this server, is not one of the peer.
///
/// ```
/// constexpr ashlar::window memory{.local = {0x3a'0000'0000},
///                                 .target = {0x40'0000'0000}, .bytes = 0xc000'0000};
/// static_assert(memory.to_peer({0x3a'00a0'0000})->value == 0x40'00a0'0000);
/// static_assert(memory.to_peer({0x3a'c000'0000}).error() == ashlar::errc::not_covered);
/// static_assert(memory.to_local({0x40'00a0'0000})->value == 0x3a'00a0'0000);
/// ```
struct window {
    byte_address<machine> local{};
    byte_address<peer> target{};
    std::uint64_t bytes = 0;
    bool replaces_bits = false;

    /// Where to access `length` bytes of the peer's memory; all of them are inside, or it fails. Where bits
    /// are replaced and the window does not start at a multiple of its size, they may lie in two places of
    /// it: then it fails, `misaligned`.
    [[nodiscard]] constexpr result<byte_address<machine>> to_local(byte_address<peer> at,
                                                                   std::uint64_t length = 1) const noexcept {
        if (!shown().contains(byte_range<peer>{at, length})) return errc::not_covered;
        const std::uint64_t offset = at.value - target.value;
        if (!replaces_bits) return byte_address<machine>{local.value + offset};
        // The byte whose low bits are those of the peer's address.
        const std::uint64_t place = (at.value - local.value) & (bytes - 1);
        if (place + (length - 1) > bytes - 1) return errc::misaligned;
        return byte_address<machine>{local.value + place};
    }
    /// Where an access of `length` bytes arrives. Errors as for `to_local`.
    [[nodiscard]] constexpr result<byte_address<peer>> to_peer(byte_address<machine> at,
                                                               std::uint64_t length = 1) const noexcept {
        if (!decoded().contains(byte_range<machine>{at, length})) return errc::not_covered;
        if (!replaces_bits) return byte_address<peer>{target.value + (at.value - local.value)};
        const std::uint64_t low = at.value & (bytes - 1);
        if (low + (length - 1) > bytes - 1) return errc::misaligned;
        return byte_address<peer>{(target.value & ~(bytes - 1)) | low};
    }

    /// The peer's bytes that it shows.
    [[nodiscard]] constexpr byte_range<peer> shown() const noexcept { return {target, bytes}; }
    /// The local addresses that reach them.
    [[nodiscard]] constexpr byte_range<machine> decoded() const noexcept { return {local, bytes}; }

    [[nodiscard]] friend constexpr bool operator==(const window&, const window&) noexcept = default;
};

}  // namespace ashlar
