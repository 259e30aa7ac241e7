// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// Direct windows of a Switchtec, through the peer partition's control registers. Each change is made between
/// two commands, lock and configure, which take 50 ms or more each: verbs answer `busy` meanwhile, and read
/// the status once each time. What is written takes effect with the configuration, all at once. A translation
/// has the partition in its low bits, and the window its size and where the replaced bits begin.
///
/// A command that ends in another state than it should: `corrupt`; the partition is reset, and the window's
/// setting is undone by the next `disable`.
///
/// Source: Linux include/linux/switchtec.h (struct ntb_ctrl_regs, NTB_CTRL_PART_OP_LOCK),
/// drivers/ntb/hw/mscc/ntb_hw_switchtec.c (switchtec_ntb_part_op, switchtec_ntb_mw_set_direct).
template <register_access Registers>
class switchtec_registers {
 public:
    /// `registers`: the control registers of the peer's partition. `partition`: that whose memory is shown.
    /// Window i is BAR 2 * i.
    constexpr switchtec_registers(Registers& registers, std::uint32_t partition) noexcept
        : registers_(&registers), partition_(partition) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        if (window > 2) return errc::invalid;
        return change(window, [&] {
            registers_->write32(entry(window), registers_->read32(entry(window)) & ~direct_enabled);
            registers_->write32(entry(window) + 4, 0);
            registers_->write32(extension(window), 0);
            registers_->write64(entry(window) + 8, partition_);
        });
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 2) return errc::invalid;
        if (!std::has_single_bit(aim.bytes) || aim.bytes < 4096) return errc::misaligned;
        if ((aim.target.value & (aim.bytes - 1)) != 0) return errc::misaligned;
        return change(window, [&] { registers_->write64(entry(window) + 8, partition_ | aim.target.value); });
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window > 2) return errc::invalid;
        const std::uint64_t found = registers_->read64(entry(window) + 8);
        if (all_ones(found)) return errc::revoked;
        return byte_address<peer>{found & ~std::uint64_t{0xfff}};
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 2) return errc::invalid;
        if (!std::has_single_bit(aim.bytes) || aim.bytes < 4096) return errc::misaligned;
        return change(window, [&] {
            registers_->write32(entry(window), registers_->read32(entry(window)) | direct_enabled);
            const auto low = static_cast<std::uint32_t>(aim.bytes) & 0xffff'f000U;
            registers_->write32(entry(window) + 4,
                                low | static_cast<std::uint32_t>(std::countr_zero(aim.bytes)));
            registers_->write32(extension(window), static_cast<std::uint32_t>(aim.bytes >> 32));
        });
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window > 2) return errc::invalid;
        const std::uint32_t found = registers_->read32(entry(window));
        if (all_ones(found)) return errc::revoked;
        return (found & direct_enabled) != 0;
    }

 private:
    enum class command : std::uint8_t { none, locking, configuring };

    static constexpr std::uint64_t status = 0x00;
    static constexpr std::uint64_t operation = 0x04;
    static constexpr std::uint32_t direct_enabled = 1U << 4;
    static constexpr std::uint32_t lock = 1;
    static constexpr std::uint32_t configure = 2;
    static constexpr std::uint32_t reset = 3;
    static constexpr std::uint32_t is_normal = 1;
    static constexpr std::uint32_t is_locked = 2;
    static constexpr std::uint32_t is_locking = 3;
    static constexpr std::uint32_t is_configuring = 4;

    static constexpr std::uint64_t entry(std::uint32_t window) noexcept {
        return 0x40 + 0x10 * std::uint64_t{2 * window};
    }
    static constexpr std::uint64_t extension(std::uint32_t window) noexcept {
        return 0xa0 + 0x10 * std::uint64_t{2 * window};
    }
    /// Lock, change, configure: one look at the status for each call.
    template <class Change>
    constexpr errc change(std::uint32_t window, Change make) noexcept {
        if (pending_ != command::none && window != window_) return errc::busy;
        window_ = window;
        if (pending_ == command::none) {
            registers_->write32(operation, lock);
            pending_ = command::locking;
            return errc::busy;
        }
        const std::uint32_t now = registers_->read32(status);
        if (all_ones(now)) return end(errc::revoked);
        const bool locking = pending_ == command::locking;
        if ((now & 0xffff) == (locking ? is_locking : is_configuring)) return errc::busy;
        if ((now & 0xffff) != (locking ? is_locked : is_normal)) {
            registers_->write32(operation, reset);
            return end(errc::corrupt);
        }
        if (!locking) return end(errc::ok);
        make();
        registers_->write32(operation, configure);
        pending_ = command::configuring;
        return errc::busy;
    }
    constexpr errc end(errc error) noexcept {
        pending_ = command::none;
        return error;
    }

    Registers* registers_;
    std::uint64_t partition_;
    command pending_ = command::none;
    std::uint32_t window_ = 0;
};

}  // namespace ashlar
