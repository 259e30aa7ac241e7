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

namespace detail {

/// The low bits of a BAR say what it is.
inline constexpr std::uint64_t bar_address_bits = ~std::uint64_t{0xf};

template <register_access Registers>
constexpr result<byte_address<peer>> read_target(Registers& registers, std::uint64_t offset) noexcept {
    const std::uint64_t found = registers.read64(offset);
    if (all_ones(found)) return errc::revoked;
    return byte_address<peer>{found};
}

}  // namespace detail

/// Windows of Intel Xeons from Sandy Bridge to Broadwell, as the target programs them: window 0 is BAR 23,
/// window 1 BAR 45. A limit equal to the base closes a window; 0 opens all of it, so a BAR at 0 is refused.
///
/// Source: Linux drivers/ntb/hw/intel/ntb_hw_gen1.h (XEON_SBAR23LMT 0x20, XEON_SBAR23XLAT 0x30,
/// XEON_SBAR23BASE 0x48), ntb_hw_gen1.c (intel_ntb_mw_set_trans; xeon_setup_b2b_mw: limits at the base).
template <register_access Registers>
class intel_gen1_registers {
 public:
    /// `aperture`: the bytes of each BAR.
    constexpr intel_gen1_registers(Registers& registers, std::uint64_t aperture) noexcept
        : registers_(&registers), aperture_(aperture) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        const auto base = base_of(window);
        if (!base) return base.error();
        return writes_.put64(*registers_, limit(window), *base);
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 1) return errc::invalid;
        registers_->write64(translation(window), aim.target.value);
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        return detail::read_target(*registers_, translation(window));
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        const auto base = base_of(window);
        if (!base) return base.error();
        if (aim.bytes == 0 || aim.bytes > aperture_) return errc::invalid;
        return writes_.put64(*registers_, limit(window),
                             aim.bytes == aperture_ ? std::uint64_t{0} : *base + aim.bytes);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        const auto base = base_of(window);
        if (!base) return base.error();
        const std::uint64_t found = registers_->read64(limit(window));
        if (all_ones(found)) return errc::revoked;
        return found != *base;
    }

    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    static constexpr std::uint64_t limit(std::uint32_t window) noexcept {
        return 0x20 + 8 * std::uint64_t{window};
    }
    static constexpr std::uint64_t translation(std::uint32_t window) noexcept {
        return 0x30 + 8 * std::uint64_t{window};
    }
    constexpr result<std::uint64_t> base_of(std::uint32_t window) const noexcept {
        if (window > 1) return errc::invalid;
        const std::uint64_t found = registers_->read64(0x48 + 8 * std::uint64_t{window});
        if (all_ones(found)) return errc::revoked;
        const std::uint64_t base = found & detail::bar_address_bits;
        if (base == 0) return errc::unsupported;
        return base;
    }

    Registers* registers_;
    std::uint64_t aperture_;
    detail::gathered_writes writes_{};
};

/// Windows of Intel Xeon Skylake: a limit inside and one outside, never 0.
///
/// Source: Linux drivers/ntb/hw/intel/ntb_hw_gen3.h (GEN3_IMBAR1XBASE 0x10, GEN3_IMBAR1XLMT 0x18, GEN3_EMBAR1
/// 0x4518, the outer limit 0x4000 on), ntb_hw_gen3.c (intel_ntb3_mw_set_trans).
template <register_access Registers>
class intel_gen3_registers {
 public:
    /// `first`, `second`: where the BARs of window 0 and 1 are on this side, as PCI says.
    constexpr intel_gen3_registers(Registers& registers, std::uint64_t first, std::uint64_t second) noexcept
        : registers_(&registers), bases_{first, second} {}

    constexpr errc disable(std::uint32_t window) noexcept { return set_limits(window, 0); }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 1) return errc::invalid;
        registers_->write64(translation(window), aim.target.value);
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        return detail::read_target(*registers_, translation(window));
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        return aim.bytes == 0 ? errc::invalid : set_limits(window, aim.bytes);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        const std::uint64_t found = registers_->read64(limit(window));
        if (all_ones(found)) return errc::revoked;
        return found != bases_[window];
    }

    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    static constexpr std::uint64_t outside = 0x4000;

    static constexpr std::uint64_t translation(std::uint32_t window) noexcept {
        return 0x10 + 0x10 * std::uint64_t{window};
    }
    static constexpr std::uint64_t limit(std::uint32_t window) noexcept { return translation(window) + 8; }
    /// The outer one first when it closes, last when it opens: what passes is never more than both allow.
    constexpr errc set_limits(std::uint32_t window, std::uint64_t size) noexcept {
        if (window > 1) return errc::invalid;
        const std::uint64_t found = registers_->read64(0x4518 + 8 * std::uint64_t{window});
        if (all_ones(found)) return errc::revoked;
        const std::uint64_t outer = (found & detail::bar_address_bits) + size;
        const std::uint64_t inner = bases_[window] + size;
        if (size == 0) {
            const errc closed = writes_.put64(*registers_, limit(window) + outside, outer);
            const errc both = writes_.put64(*registers_, limit(window), inner);
            return both == errc::ok ? closed : both;
        }
        const errc opened = writes_.put64(*registers_, limit(window), inner);
        if (opened != errc::ok) return opened;
        return writes_.put64(*registers_, limit(window) + outside, outer);
    }

    Registers* registers_;
    std::uint64_t bases_[2];
    detail::gathered_writes writes_{};
};

/// Windows of Intel Xeon Ice Lake and later. Ice Lake has an index register beside: the logarithm of the
/// size, 16 bits for each window, which share a word.
///
/// Source: Linux drivers/ntb/hw/intel/ntb_hw_gen4.h (GEN4_IM23XBASE 0x10, GEN4_IM23XLMT 0x18,
/// GEN4_IM23XBASEIDX 0x74), ntb_hw_gen4.c (intel_ntb4_mw_set_trans, NTB_HWERR_BAR_ALIGN).
template <register_access Registers>
class intel_gen4_registers {
 public:
    /// `has_index`: Ice Lake (revisions 2 to 15 of the device).
    constexpr intel_gen4_registers(Registers& registers, std::uint64_t first, std::uint64_t second,
                                   bool has_index) noexcept
        : registers_(&registers), bases_{first, second}, has_index_(has_index) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        return writes_.put64(*registers_, limit(window), bases_[window]);
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 1) return errc::invalid;
        registers_->write64(translation(window), aim.target.value);
        if (!has_index_) return errc::ok;
        if (!std::has_single_bit(aim.bytes)) return errc::misaligned;
        const unsigned shift = 16 * window;
        const std::uint32_t found = registers_->read32(index);
        if (all_ones(found)) return errc::revoked;
        const auto log = static_cast<std::uint32_t>(std::countr_zero(aim.bytes));
        const std::uint32_t wanted = (found & ~(0xffffU << shift)) | log << shift;
        return writes_.put32(*registers_, index, wanted);
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        return detail::read_target(*registers_, translation(window));
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 1 || aim.bytes == 0) return errc::invalid;
        return writes_.put64(*registers_, limit(window), bases_[window] + aim.bytes);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        const std::uint64_t found = registers_->read64(limit(window));
        if (all_ones(found)) return errc::revoked;
        return found != bases_[window];
    }

    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    static constexpr std::uint64_t index = 0x74;

    static constexpr std::uint64_t translation(std::uint32_t window) noexcept {
        return 0x10 + 0x10 * std::uint64_t{window};
    }
    static constexpr std::uint64_t limit(std::uint32_t window) noexcept { return translation(window) + 8; }

    Registers* registers_;
    std::uint64_t bases_[2];
    bool has_index_;
    detail::gathered_writes writes_{};
};

}  // namespace ashlar
