// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

namespace detail {

/// The commands of a Switchtec partition: what is written between lock and configure takes effect with the
/// configuration. Each of the two takes 50 ms or more: verbs answer `busy` meanwhile, and read the status
/// once each time. A command that ends in another state than it should: `corrupt`; the partition is reset,
/// and the next command waits for that. Where it is not known what the partition does, since nobody waited
/// for a command or nothing answered, it is reset ahead of the next one. (Linux resets it when a wait is
/// interrupted, in the midst of the command, too; after a configuration that failed it clears the window and
/// configures again.) One caller.
template <register_access Registers>
class switchtec_commands {
 public:
    /// Lock, what `make` writes, configure; in a group only what `make` writes. `what` tells changes apart:
    /// the same call again goes on. What `make` could not read ends it, with nothing written.
    template <class Make>
    constexpr errc change(Registers& registers, std::uint32_t what, Make make) noexcept {
        if (in_group_) return make();
        if (is_under_way_ && what != what_) return errc::busy;
        what_ = what;
        is_under_way_ = true;
        if (!is_locked_) {
            const errc locked = command(registers, lock, is_locking, is_locked);
            if (locked == errc::busy) return locked;
            if (locked != errc::ok) return end(locked);
            is_locked_ = true;
            if (const errc made = make(); made != errc::ok) {
                is_unknown_ = true;
                return end(made);
            }
        }
        const errc answer = command(registers, configure, is_configuring, is_normal);
        return answer == errc::busy ? answer : end(answer);
    }
    constexpr errc begin_group(Registers& registers) noexcept {
        if (is_under_way_) return errc::busy;
        const errc locked = command(registers, lock, is_locking, is_locked);
        in_group_ = locked == errc::ok;
        return locked;
    }
    constexpr errc end_group(Registers& registers) noexcept {
        const errc answer = command(registers, configure, is_configuring, is_normal);
        if (answer != errc::busy) in_group_ = false;
        return answer;
    }
    constexpr void abandon_group() noexcept {
        is_unknown_ = is_unknown_ || in_group_ || is_locked_ || pending_ != 0;
        pending_ = 0;
        in_group_ = false;
        (void)end(errc::ok);
    }

 private:
    static constexpr std::uint64_t status = 0x00;
    static constexpr std::uint64_t operation = 0x04;
    static constexpr std::uint32_t lock = 1;
    static constexpr std::uint32_t configure = 2;
    static constexpr std::uint32_t reset = 3;
    static constexpr std::uint32_t is_normal = 1;
    static constexpr std::uint32_t is_locked = 2;
    static constexpr std::uint32_t is_locking = 3;
    static constexpr std::uint32_t is_configuring = 4;
    static constexpr std::uint32_t is_resetting = 5;

    /// One step of a command: given, then one look at the status for each call.
    constexpr errc command(Registers& registers, std::uint32_t which, std::uint32_t meanwhile,
                           std::uint32_t wanted) noexcept {
        if (pending_ == 0) {
            pending_ = is_unknown_ ? reset : which;
            is_unknown_ = false;
            registers.write32(operation, pending_);
            return errc::busy;
        }
        const std::uint32_t now = registers.read32(status);
        if (all_ones(now)) {
            pending_ = 0;
            is_unknown_ = true;
            return errc::revoked;
        }
        const std::uint32_t state = now & 0xffff;
        const bool is_changing = state >= is_locking && state <= is_resetting;
        if (pending_ == reset ? is_changing : state == meanwhile) return errc::busy;
        const bool was_reset = pending_ == reset;
        pending_ = 0;
        if (was_reset) return errc::busy;
        if (state == wanted) return errc::ok;
        registers.write32(operation, reset);
        pending_ = reset;
        return errc::corrupt;
    }
    constexpr errc end(errc error) noexcept {
        is_under_way_ = false;
        is_locked_ = false;
        return error;
    }

    std::uint32_t pending_ = 0;
    std::uint32_t what_ = 0;
    bool is_under_way_ = false;
    bool is_locked_ = false;
    bool in_group_ = false;
    bool is_unknown_ = false;  ///< what the partition does
};

}  // namespace detail

/// Direct windows of a Switchtec, through the peer partition's control registers. Each change is made between
/// two commands, lock and configure, those of a group between the same two. A translation has the partition
/// in its low bits, and the window its size and where the replaced bits begin.
///
/// After an error of a command the window's setting is undone by the next `disable`. One caller for all
/// programs of a partition.
///
/// Source: Linux include/linux/switchtec.h (struct ntb_ctrl_regs, NTB_CTRL_PART_OP_LOCK),
/// drivers/ntb/hw/mscc/ntb_hw_switchtec.c (switchtec_ntb_part_op, switchtec_ntb_mw_set_direct,
/// switchtec_ntb_mw_clr_direct).
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
            const std::uint32_t found = registers_->read32(entry(window));
            if (all_ones(found)) return errc::revoked;
            registers_->write32(entry(window), found & ~direct_enabled);
            registers_->write32(entry(window) + 4, 0);
            registers_->write32(extension(window), 0);
            registers_->write64(entry(window) + 8, partition_);
            return errc::ok;
        });
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 2) return errc::invalid;
        if (!std::has_single_bit(aim.bytes) || aim.bytes < 4096) return errc::misaligned;
        if ((aim.target.value & (aim.bytes - 1)) != 0) return errc::misaligned;
        return change(window, [&] {
            registers_->write64(entry(window) + 8, partition_ | aim.target.value);
            return errc::ok;
        });
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
            const std::uint32_t found = registers_->read32(entry(window));
            if (all_ones(found)) return errc::revoked;
            registers_->write32(entry(window), found | direct_enabled);
            const auto low = static_cast<std::uint32_t>(aim.bytes & 0xffff'f000U);
            registers_->write32(entry(window) + 4,
                                low | static_cast<std::uint32_t>(std::countr_zero(aim.bytes)));
            registers_->write32(extension(window), static_cast<std::uint32_t>(aim.bytes >> 32));
            return errc::ok;
        });
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window > 2) return errc::invalid;
        const std::uint32_t found = registers_->read32(entry(window));
        if (all_ones(found)) return errc::revoked;
        return (found & direct_enabled) != 0;
    }
    constexpr errc begin_group() noexcept { return commands_.begin_group(*registers_); }
    constexpr errc end_group() noexcept { return commands_.end_group(*registers_); }
    constexpr void abandon_group() noexcept { commands_.abandon_group(); }

 private:
    static constexpr std::uint32_t direct_enabled = 1U << 4;

    static constexpr std::uint64_t entry(std::uint32_t window) noexcept {
        return 0x40 + 0x10 * std::uint64_t{2 * window};
    }
    static constexpr std::uint64_t extension(std::uint32_t window) noexcept {
        return 0xa0 + 0x10 * std::uint64_t{2 * window};
    }
    template <class Make>
    constexpr errc change(std::uint32_t window, Make make) noexcept {
        return commands_.change(*registers_, window, make);
    }

    Registers* registers_;
    std::uint64_t partition_;
    detail::switchtec_commands<Registers> commands_{};
};

/// Slices of a Switchtec: window i is entry `first + i` of the look-up table of the peer's partition, 64 KiB
/// each. An entry is one word: address, partition, and a bit that lets accesses pass.
///
/// Source: Linux drivers/ntb/hw/mscc/ntb_hw_switchtec.c (switchtec_ntb_mw_set_lut, switchtec_ntb_mw_clr_lut,
/// config_rsvd_lut_win), include/linux/switchtec.h (lut_entry at 0x1000, NTB_CTRL_LUT_EN,
/// NTB_CTRL_BAR_LUT_WIN_EN).
template <register_access Registers>
class switchtec_slice_registers {
 public:
    static constexpr std::uint64_t slice_bytes = 64 << 10;

    /// `first`: entries below are others'.
    constexpr switchtec_slice_registers(Registers& registers, std::uint32_t partition,
                                        std::uint32_t first) noexcept
        : registers_(&registers), partition_(partition), first_(first) {}

    /// Once, if nobody else did: BAR `bar` of the peer begins with a table of `entries`. `invalid`: not so
    /// many; `busy`: again.
    constexpr errc set_up(std::uint32_t bar, std::uint32_t entries) noexcept {
        if (bar > 5 || entries == 0 || entries > 512) return errc::invalid;
        return commands_.change(*registers_, ~std::uint32_t{0}, [&] {
            const std::uint64_t control = 0x40 + 0x10 * std::uint64_t{bar};
            const std::uint32_t found = registers_->read32(control);
            if (all_ones(found)) return errc::revoked;
            registers_->write32(control, (found & 0xff) | 1U << 5 | 16U << 8 | (entries - 1) << 14);
            return errc::ok;
        });
    }
    constexpr errc disable(std::uint32_t window) noexcept { return put(window, 0); }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if ((aim.target.value & (slice_bytes - 1)) != 0) return errc::misaligned;
        return put(window, partition_ << 1 | aim.target.value);
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (!has(window)) return errc::invalid;
        const std::uint64_t found = registers_->read64(entry(window));
        if (all_ones(found)) return errc::revoked;
        return byte_address<peer>{found & ~(slice_bytes - 1)};
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if ((aim.target.value & (slice_bytes - 1)) != 0) return errc::misaligned;
        return put(window, partition_ << 1 | aim.target.value | passes);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (!has(window)) return errc::invalid;
        const std::uint64_t found = registers_->read64(entry(window));
        if (all_ones(found)) return errc::revoked;
        return (found & passes) != 0;
    }
    constexpr errc begin_group() noexcept { return commands_.begin_group(*registers_); }
    constexpr errc end_group() noexcept { return commands_.end_group(*registers_); }
    constexpr void abandon_group() noexcept { commands_.abandon_group(); }

 private:
    static constexpr std::uint64_t passes = 1;

    [[nodiscard]] constexpr bool has(std::uint32_t window) const noexcept {
        return window < 512 && first_ + window < 512;
    }
    [[nodiscard]] constexpr std::uint64_t entry(std::uint32_t window) const noexcept {
        return 0x1000 + 8 * (std::uint64_t{first_} + window);
    }
    constexpr errc put(std::uint32_t window, std::uint64_t value) noexcept {
        if (!has(window)) return errc::invalid;
        return commands_.change(*registers_, window, [&] {
            registers_->write64(entry(window), value);
            return errc::ok;
        });
    }

    Registers* registers_;
    std::uint64_t partition_;
    std::uint32_t first_;
    detail::switchtec_commands<Registers> commands_{};
};

}  // namespace ashlar
