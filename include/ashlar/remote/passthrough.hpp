// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/dma_transfer.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <ashlar/remote/remote_space.hpp>
#include <ashlar/remote/requester_slots.hpp>
#include <ashlar/remote/scatter_list.hpp>
#include <cstdint>
#include <utility>

namespace ashlar {

/// How a device's server reaches another one: by windows of its own, through a bridge that may want to know
/// who asks.
template <class Windows, class Platform = platform>
struct dma_route {
    server_id to = 0;
    Windows* windows = nullptr;
    requester_slots<Platform>* slots = nullptr;  ///< none: the bridge lets everybody through
};

/// A device that reads and writes memory by itself, and what it can address.
template <class Windows, class Platform = platform>
struct dma_device {
    server_id server = 0;                    ///< that it is plugged into
    std::uint64_t mask = ~std::uint64_t{0};  ///< the address bits that it has
    std::uint64_t granule = 1;               ///< of addresses and lengths; a power of two
    std::uint16_t requester = 0;             ///< bus, device and function, as its bridge sees it
    view<const dma_route<Windows, Platform>> routes{};
};

/// A bridge without a table of requester IDs to program.
struct no_requester_table {
    constexpr errc operator()(std::uint32_t, std::uint16_t) const noexcept { return errc::ok; }
};

/// Finds the addresses that a device must be given for a guest's memory, and keeps them good until
/// `transfer.complete()`: on the device's own server the plain physical address, on another one that
/// server's window on it, as the device's server has it. Not the address that a processor elsewhere uses.
///
/// - `space` finds where the memory is at home. `program(slot, id)` writes a slot of a bridge's table of
///   requester IDs. `owner`: `device` for what the device keeps, a queue.
/// - Complexity and context: as `remote_space::resolve`.
/// - Failure: `invalid` for no bytes, a range that wraps, or a transfer that is under way; `beyond_mask`
///   where the device does not have the address bits; `limit` where no slot is left, or the arrays are full;
///   `misaligned` where a piece is not of the device's granule; `not_covered` if the device's server has no
///   window there; else as `remote_space` says. Nothing is held then.
/// - Source: CN103823638 (the address of a pass-through device's DMA is rewritten).
///
/// ```
/// // The guest's 0x7000'0010 is 0x34'5010 on M; the device is on D, which has M at 0x60'0000'0000.
/// (void)ashlar::map_for_device(space, {0x7000'0010}, 8, device, transfer);
/// // transfer.pieces()[0].at is 0x60'0034'5010
/// ```
template <class Space, class Windows, class Platform, class Program = no_requester_table>
constexpr errc map_for_device(const Space& space, byte_address<guest> at, std::uint64_t length,
                              const dma_device<Windows, Platform>& device,
                              dma_transfer<typename Windows::pin_type, Platform>& transfer,
                              Program&& program = {}, pin_owner owner = pin_owner::dma) noexcept {
    if (length == 0 || byte_range<guest>{at, length}.wraps() || transfer.is_under_way()) return errc::invalid;
    const auto fits = [&](const scatter_piece& piece) {
        const std::uint64_t last = piece.at.value + (piece.bytes - 1);
        if (last < piece.at.value || (last & ~device.mask) != 0) return errc::beyond_mask;
        return ((piece.at.value | piece.bytes) & (device.granule - 1)) != 0 ? errc::misaligned : errc::ok;
    };
    const auto route_to = [&](server_id to) -> const dma_route<Windows, Platform>* {
        for (const auto& each : device.routes)
            if (each.to == to) return &each;
        return nullptr;
    };
    const auto add = [&](home_address home) {
        if (home.server == device.server) {
            const scatter_piece piece{{home.at.value}, home.bytes, home.server, home.at};
            const errc answer = fits(piece);
            return answer == errc::ok ? transfer.add(piece) : answer;
        }
        const auto* const route = route_to(home.server);
        if (route == nullptr || route->windows == nullptr) return errc::not_covered;
        if (route->slots != nullptr) {
            const errc answer = transfer.pass(*route->slots, device.requester, program);
            if (answer != errc::ok) return answer;
        }
        while (home.bytes != 0) {
            const std::uint64_t reach = route->windows->reach(home.at);
            if (reach == 0) return errc::not_covered;
            const std::uint64_t part = reach < home.bytes ? reach : home.bytes;
            auto pin = route->windows->pin(home.at, part, owner);
            if (!pin) return pin.error();
            const auto local = pin.local();
            if (!local) return local.error();
            const scatter_piece piece{*local, part, home.server, home.at};
            if (const errc answer = fits(piece); answer != errc::ok) return answer;
            if (const errc answer = transfer.add(piece, std::move(pin)); answer != errc::ok) return answer;
            home.at = home.at + part;
            home.bytes -= part;
        }
        return errc::ok;
    };
    const std::uint32_t before = space.stamp();
    errc answer = errc::ok;
    while (length != 0 && answer == errc::ok) {
        const result<home_address> home = space.locate(at);
        const std::uint64_t part = home && home->bytes < length ? home->bytes : length;
        answer = home ? add({home->server, home->at, part}) : home.error();
        at = at + part;
        length -= part;
    }
    for (const auto& each : transfer.pins())
        if (const auto local = each.local(); !local) answer = local.error();
    if (answer == errc::ok && space.stamp() != before) answer = errc::busy;
    if (answer != errc::ok) transfer.complete();
    return answer;
}

}  // namespace ashlar
