// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstdint>

namespace ashlar {

/// Registers of which one shares a word with something that the device writes.
template <class R>
concept half_word_access = register_access<R> &&
    requires(R registers, std::uint64_t offset, std::uint16_t value) {
    registers.write16(offset, value);
};

/// Windows of a PCI endpoint's software bridge (vNTB), by its command mailbox: arguments, a command, and a
/// status that the endpoint's software sets: it answers in microseconds, or never. A verb is `busy` until
/// then; after `patience` looks it is `unreadable`. No register says whether a window is open: `enabled` is
/// what was acknowledged last. At most 32 windows.
///
/// Source: Linux drivers/ntb/hw/epf/ntb_hw_epf.c (NTB_EPF_COMMAND, CMD_CONFIGURE_MW 3, CMD_TEARDOWN_MW 4,
/// NTB_EPF_CMD_STATUS of 16 bits beside NTB_EPF_LINK_STATUS, ntb_epf_send_command).
template <half_word_access Registers>
class endpoint_registers {
 public:
    constexpr endpoint_registers(Registers& registers, std::uint32_t patience) noexcept
        : registers_(&registers), patience_(patience) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        if (window > 31) return errc::invalid;
        const errc done = command(tear_down, window);
        if (done == errc::ok) open_ &= ~(1U << window);
        return done;
    }
    /// The arguments; nothing takes effect before `enable`.
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 31) return errc::invalid;
        if (pending_ != 0) return errc::busy;
        put_aim(aim);
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window > 31) return errc::invalid;
        const std::uint32_t low = registers_->read32(0x10);
        const std::uint32_t high = registers_->read32(0x14);
        if (all_ones(low) && all_ones(high)) return errc::revoked;
        return byte_address<peer>{std::uint64_t{high} << 32 | low};
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 31 || aim.bytes == 0) return errc::invalid;
        if (pending_ == 0) put_aim(aim);
        const errc done = command(set_up, window);
        if (done == errc::ok) open_ |= 1U << window;
        return done;
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) const noexcept {
        if (window > 31) return errc::invalid;
        return (open_ >> window & 1) != 0;
    }

 private:
    static constexpr std::uint32_t set_up = 3;
    static constexpr std::uint32_t tear_down = 4;
    static constexpr std::uint32_t done_well = 1;
    static constexpr std::uint32_t done_badly = 2;

    constexpr void put_aim(const window_aim& aim) noexcept {
        registers_->write32(0x10, static_cast<std::uint32_t>(aim.target.value));
        registers_->write32(0x14, static_cast<std::uint32_t>(aim.target.value >> 32));
        registers_->write32(0x18, static_cast<std::uint32_t>(aim.bytes));
        registers_->write32(0x1c, static_cast<std::uint32_t>(aim.bytes >> 32));
    }
    constexpr errc command(std::uint32_t wanted, std::uint32_t window) noexcept {
        if (pending_ == 0) {
            registers_->write16(0x08, 0);
            registers_->write32(0x04, window);
            registers_->write32(0x00, wanted);
            pending_ = wanted;
            window_ = window;
            looks_ = 0;
            return errc::busy;
        }
        const std::uint32_t found = registers_->read32(0x08);
        if (all_ones(found)) return end(errc::revoked);
        const std::uint32_t status = found & 0xffff;
        if (status != done_well && status != done_badly) {
            return ++looks_ > patience_ ? end(errc::unreadable) : errc::busy;
        }
        // What was asked may have been another command, which was given up.
        const bool same = pending_ == wanted && window_ == window;
        registers_->write16(0x08, 0);
        const errc ended = end(status == done_well ? errc::ok : errc::corrupt);
        return same ? ended : errc::busy;
    }
    constexpr errc end(errc error) noexcept {
        pending_ = 0;
        return error;
    }

    Registers* registers_;
    std::uint32_t patience_;
    std::uint32_t looks_ = 0;
    std::uint32_t pending_ = 0;
    std::uint32_t window_ = 0;
    std::uint32_t open_ = 0;
};

}  // namespace ashlar
