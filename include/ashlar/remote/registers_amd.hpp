// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/gathered_writes.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstdint>

namespace ashlar {

/// Windows of AMD's bridge: the peer's half of the registers has translation and limit; the limit is the
/// size. Window 0 is BAR 1, whose limit has 32 bits, where the part has three windows; then BAR 23 and
/// BAR 45. To be programmed once the link is enabled.
///
/// A limit of 0 closes: so both drivers clear a window (Linux by ntb_mw_clear_trans, which sets 0 and 0;
/// FreeBSD amd_ntb_mw_clear_trans). That the part lets nothing pass then is not confirmed by a public source,
/// nor which half the limit belongs to: Linux writes and reads the peer's, as here, FreeBSD's ntb_hw_amd.c
/// writes the own one and reads the peer's.
///
/// Source: Linux drivers/ntb/hw/amd/ntb_hw_amd.h (AMD_BAR1LMT 0x414, AMD_BAR23LMT 0x418, AMD_BAR1XLAT 0x430,
/// AMD_BAR23XLAT 0x438, AMD_PEER_OFFSET 0x400), ntb_hw_amd.c (amd_ntb_mw_set_trans).
template <register_access Registers>
class amd_registers {
 public:
    /// `windows`: three or two.
    constexpr amd_registers(Registers& registers, std::uint32_t windows) noexcept
        : registers_(&registers), windows_(windows) {}

    constexpr errc disable(std::uint32_t window) noexcept { return set_limit(window, 0); }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window >= windows_) return errc::invalid;
        registers_->write64(translation(window), aim.target.value);
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window >= windows_) return errc::invalid;
        const std::uint64_t found = registers_->read64(translation(window));
        if (all_ones(found)) return errc::revoked;
        return byte_address<peer>{found};
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if (aim.bytes == 0) return errc::invalid;
        return set_limit(window, aim.bytes);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window >= windows_) return errc::invalid;
        if (bar(window) == 0) {
            const std::uint32_t found = registers_->read32(limit(window));
            if (all_ones(found)) return errc::revoked;
            return found != 0;
        }
        const std::uint64_t found = registers_->read64(limit(window));
        if (all_ones(found)) return errc::revoked;
        return found != 0;
    }

    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    static constexpr std::uint64_t peer_half = 0x400;

    /// 0: BAR 1, 1: BAR 23, 2: BAR 45.
    [[nodiscard]] constexpr std::uint32_t bar(std::uint32_t window) const noexcept {
        return window + (3 - windows_);
    }
    [[nodiscard]] constexpr std::uint64_t limit(std::uint32_t window) const noexcept {
        return peer_half + (bar(window) == 0 ? 0x414 : 0x410 + 8 * std::uint64_t{bar(window)});
    }
    [[nodiscard]] constexpr std::uint64_t translation(std::uint32_t window) const noexcept {
        return peer_half + 0x430 + 8 * std::uint64_t{bar(window)};
    }
    constexpr errc set_limit(std::uint32_t window, std::uint64_t size) noexcept {
        if (window >= windows_) return errc::invalid;
        if (bar(window) == 0) {
            if (size >> 32 != 0) return errc::too_large;
            return writes_.put32(*registers_, limit(window), static_cast<std::uint32_t>(size));
        }
        return writes_.put64(*registers_, limit(window), size);
    }

    Registers* registers_;
    std::uint32_t windows_;
    detail::gathered_writes writes_{};
};

}  // namespace ashlar
