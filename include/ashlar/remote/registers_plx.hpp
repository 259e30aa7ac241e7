// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/gathered_writes.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// Which of the two NT functions of a PEX 87xx, and which side of it this server has (register 0xc8c: bits 0
/// and 31). Where its registers are in the 256 KiB that BAR 0 shows.
struct plx_function {
    std::uint32_t number = 0;
    bool is_link_side = false;

    [[nodiscard]] constexpr std::uint64_t own() const noexcept { return base(is_link_side); }
    [[nodiscard]] constexpr std::uint64_t peer() const noexcept { return base(!is_link_side); }

 private:
    [[nodiscard]] constexpr std::uint64_t base(bool link) const noexcept {
        return (number == 0 ? 0x3e000U : 0x3c000U) + (link ? 0x1000U : 0U);
    }
};

/// Direct windows of two PLX (Broadcom) PEX 87xx back to back, as the target programs them. There is no limit
/// register: the size of the BAR on the link between the two is set instead, which nobody but these two sees,
/// and a BAR without size is closed. In front of a root port the other host has enumerated the BARs, and
/// nothing closes them: slices do (`plx_slice_registers`).
///
/// Registers of the peer's interface: BAR setup at 0xe8, BARs at 0x10, translation at 0xc3c, four bytes for
/// each BAR from 2 on. BARs of 64 bits are two registers each, so all are written while there is no size.
/// That a BAR with no bits of a size decodes nothing is what FreeBSD's driver clears a window with, and not
/// confirmed by another public source.
///
/// Source: FreeBSD sys/dev/ntb/ntb_hw/ntb_hw_plx.c (PLX_NT0_BASE, PLX_NTX_LINK_OFFSET,
/// ntb_plx_mw_set_trans_internal, ntb_plx_mw_clear_trans).
template <register_access Registers>
class plx_registers {
 public:
    /// `has_wide_bars`: windows are BAR 2 and 4, of 64 bits; else BAR 2 to 5, of 32.
    constexpr plx_registers(Registers& registers, plx_function function, bool has_wide_bars) noexcept
        : registers_(&registers), base_(function.peer()), wide_(has_wide_bars) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        if (!has(window)) return errc::invalid;
        const errc low = writes_.put32(*registers_, setup(window), kind());
        if (!wide_ || low != errc::ok) return low;
        return writes_.put32(*registers_, setup(window) + 4, 0);
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (!has(window)) return errc::invalid;
        if (const errc fits = check(aim); fits != errc::ok) return fits;
        put(translation(window), aim.target.value);
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (!has(window)) return errc::invalid;
        const auto found = get(translation(window));
        if (!found) return found.error();
        return byte_address<peer>{*found};
    }
    /// The size, and then the address between the two, which a changed size may have cleared.
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if (!has(window)) return errc::invalid;
        if (const errc fits = check(aim); fits != errc::ok) return fits;
        const std::uint64_t size = (~(aim.bytes - 1) & ~std::uint64_t{0xf'ffff}) | kind();
        if (wide_) registers_->write32(setup(window) + 4, static_cast<std::uint32_t>(size >> 32));
        const errc sized =
            writes_.put32(*registers_, setup(window), static_cast<std::uint32_t>(size & 0xffff'ffffU));
        const std::uint64_t number = bar(window);
        put(base_ + 0x10 + 4 * number, number << (wide_ ? 61 : 29));
        return sized;
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (!has(window)) return errc::invalid;
        const auto found = get(setup(window));
        if (!found) return found.error();
        return (*found & ~std::uint64_t{0xf'ffff}) != 0;
    }
    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    [[nodiscard]] constexpr bool has(std::uint32_t window) const noexcept {
        return window < (wide_ ? 2U : 4U);
    }
    /// 64 bits, prefetchable; or 32 bits.
    [[nodiscard]] constexpr std::uint32_t kind() const noexcept { return wide_ ? 0xc : 0; }
    [[nodiscard]] constexpr std::uint64_t bar(std::uint32_t window) const noexcept {
        return 2 + std::uint64_t{window} * (wide_ ? 2 : 1);
    }
    [[nodiscard]] constexpr std::uint64_t setup(std::uint32_t window) const noexcept {
        return base_ + 0xe8 + 4 * (bar(window) - 2);
    }
    [[nodiscard]] constexpr std::uint64_t translation(std::uint32_t window) const noexcept {
        return base_ + 0xc3c + 4 * (bar(window) - 2);
    }
    [[nodiscard]] constexpr errc check(const window_aim& aim) const noexcept {
        if (!std::has_single_bit(aim.bytes) || aim.bytes < 0x10'0000) return errc::misaligned;
        if ((aim.target.value & (aim.bytes - 1)) != 0) return errc::misaligned;
        const bool reaches = wide_ || (aim.target.value | (aim.bytes - 1)) >> 32 == 0;
        return reaches ? errc::ok : errc::not_covered;
    }
    constexpr void put(std::uint64_t offset, std::uint64_t value) noexcept {
        registers_->write32(offset, static_cast<std::uint32_t>(value & 0xffff'ffffU));
        if (wide_) registers_->write32(offset + 4, static_cast<std::uint32_t>(value >> 32));
    }
    [[nodiscard]] constexpr result<std::uint64_t> get(std::uint64_t offset) noexcept {
        const std::uint32_t low = registers_->read32(offset);
        if (!wide_) return all_ones(low) ? result<std::uint64_t>(errc::revoked) : result<std::uint64_t>(low);
        const std::uint32_t high = registers_->read32(offset + 4);
        if (all_ones(low) && all_ones(high)) return errc::revoked;
        return std::uint64_t{high} << 32 | low;
    }

    Registers* registers_;
    std::uint64_t base_;
    bool wide_;
    detail::gathered_writes writes_{};
};

/// Slices of BAR 2 of a PLX PEX 87xx: window i is entry i of its address look-up table, as the target
/// programs it. An entry has its address in two registers and a third one that lets accesses pass, which is
/// 0 while the address is changed; the size is that of the slice, and low bits of the address are not used.
///
/// Source: FreeBSD sys/dev/ntb/ntb_hw/ntb_hw_plx.c (ntb_plx_attach: size of the table;
/// ntb_plx_mw_set_trans_internal: 0x38000, 0x400 and 0x800 behind it, 3 to let pass; 0xc94).
template <register_access Registers>
class plx_slice_registers {
 public:
    /// `is_shared`: both functions have a table, of 128 entries; else this one has 256.
    constexpr plx_slice_registers(Registers& registers, plx_function function, bool is_shared) noexcept
        : registers_(&registers), function_(function), shared_(is_shared) {}

    [[nodiscard]] constexpr std::uint32_t windows() const noexcept { return shared_ ? 128 : 256; }

    /// Once, before the first window is aimed: closes each entry, then puts the table in the place of the
    /// BAR's own translation, which is all ones from then on, as the driver has it.
    constexpr errc set_up() noexcept {
        for (std::uint32_t i = 0; i < windows(); ++i) registers_->write32(entry(i) + control, 0);
        registers_->write32(function_.peer() + 0xc3c, ~std::uint32_t{0});
        registers_->write32(function_.peer() + 0xc40, ~std::uint32_t{0});
        return writes_.put32(*registers_, function_.own() + 0xc94, 0x1000'0000);
    }
    constexpr errc disable(std::uint32_t window) noexcept {
        if (window >= windows()) return errc::invalid;
        return writes_.put32(*registers_, entry(window) + control, 0);
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window >= windows()) return errc::invalid;
        registers_->write32(entry(window), static_cast<std::uint32_t>(aim.target.value & 0xffff'ffffU));
        registers_->write32(entry(window) + upper, static_cast<std::uint32_t>(aim.target.value >> 32));
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window >= windows()) return errc::invalid;
        const std::uint32_t low = registers_->read32(entry(window));
        const std::uint32_t high = registers_->read32(entry(window) + upper);
        if (all_ones(low) && all_ones(high)) return errc::revoked;
        return byte_address<peer>{std::uint64_t{high} << 32 | low};
    }
    constexpr errc enable(std::uint32_t window, const window_aim&) noexcept {
        if (window >= windows()) return errc::invalid;
        return writes_.put32(*registers_, entry(window) + control, passes);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window >= windows()) return errc::invalid;
        const std::uint32_t found = registers_->read32(entry(window) + control);
        if (all_ones(found)) return errc::revoked;
        return (found & passes) == passes;
    }
    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    static constexpr std::uint64_t upper = 0x400;
    static constexpr std::uint64_t control = 0x800;
    static constexpr std::uint32_t passes = 3;

    /// A table has 4 KiB for 128 entries; the link side's are first, then the virtual side's.
    [[nodiscard]] constexpr std::uint64_t entry(std::uint32_t window) const noexcept {
        std::uint64_t table = function_.is_link_side ? 0 : 1;
        if (shared_) table += 2 * std::uint64_t{function_.number};
        return 0x38000 + table * (shared_ ? 0x1000U : 0x2000U) + 4 * std::uint64_t{window} +
               (window >= 128 ? 0xe00U : 0U);
    }

    Registers* registers_;
    plx_function function_;
    bool shared_;
    detail::gathered_writes writes_{};
};

}  // namespace ashlar
