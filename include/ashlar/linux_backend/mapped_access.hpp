// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/link_guard.hpp>
#include <cstdint>

namespace ashlar {

/// A server's memory as it is mapped here, and the word by which the server shows that it is there.
template <device_source Source>
struct mapped_peer {
    server_id id = 0;
    const mapped_device<Source>* memory = nullptr;
    std::uint64_t canary_at = 0;  ///< in `memory`, a multiple of 8
    std::uint32_t epoch = 0;      ///< what its canary told when the link came up
};

/// How a `remote_space` reads tables of peers that are mapped: `remote_access` by checked loads, so that a
/// peer that goes is an error, whatever is read at that moment. Local addresses are those of this process.
///
/// A view of the caller's array; O(peers). Context: that of `mapped_device::load`. Failure: `not_covered` for
/// an address that none of the peers is mapped at, else as `load`.
///
/// ```
/// const ashlar::mapped_peer<ashlar::pci_bar> peers[] = {{1, &window, 0x1000, epoch}};
/// ashlar::mapped_access<ashlar::pci_bar> access(peers);
/// ```
template <device_source Source>
class mapped_access {
 public:
    constexpr explicit mapped_access(view<const mapped_peer<Source>> peers) noexcept : peers_(peers) {}

    [[nodiscard]] result<std::uint64_t> load(byte_address<machine> at) const noexcept {
        for (const mapped_peer<Source>& each : peers_) {
            const std::uint64_t offset = at.value - each.memory->local().value;
            if (offset < each.memory->size()) return each.memory->template load<std::uint64_t>(offset);
        }
        return errc::not_covered;
    }
    [[nodiscard]] bool is_alive(server_id server) const noexcept {
        for (const mapped_peer<Source>& each : peers_) {
            if (each.id == server) return each.memory->read64(each.canary_at) == canary_of(each.epoch);
        }
        return false;
    }

 private:
    view<const mapped_peer<Source>> peers_;
};

}  // namespace ashlar
