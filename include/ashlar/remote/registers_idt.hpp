// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/gathered_writes.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstdint>

namespace ashlar {

/// Direct windows of an IDT 89HPES, which the initiator programs. All registers have 32 bits: translation and
/// limit are two each, so they are written while the limit is 0, which lets nothing pass. (The driver writes
/// the limit behind the translation, and closes nothing before.)
///
/// Source: Linux drivers/ntb/hw/idt/ntb_hw_idt.h (IDT_NT_BARSETUP2 0x490, BARLIMIT2, BARLTBASE2, BARUTBASE2,
/// 0x10 a BAR; IDT_BARSETUP_TPART 0xe000), ntb_hw_idt.c (BAR 0 maps the registers;
/// idt_ntb_peer_mw_set_trans; idt_ntb_peer_mw_clear_trans: "Disable translation by specifying zero BAR
/// limit", whose upper half is the next BAR's).
template <register_access Registers>
class idt_direct_registers {
 public:
    /// Window 0 is the 64-bit BAR 2, window 1 BAR 4, at `first` and `second` on the bus; `partition`: whose
    /// memory they show.
    constexpr idt_direct_registers(Registers& registers, std::uint64_t first, std::uint64_t second,
                                   std::uint32_t partition) noexcept
        : registers_(&registers), bases_{first, second}, partition_(partition) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        // The upper half first: with it gone the limit lies below a BAR above 4 GiB, and with both, any.
        return set_limit(window, 0, true);
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 1) return errc::invalid;
        const std::uint32_t found = registers_->read32(bar(window));
        if (all_ones(found)) return errc::revoked;
        registers_->write32(bar(window), (found & ~std::uint32_t{0xe000}) | (partition_ & 7) << 13);
        registers_->write32(bar(window) + 8, static_cast<std::uint32_t>(aim.target.value));
        registers_->write32(bar(window) + 12, static_cast<std::uint32_t>(aim.target.value >> 32));
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        const std::uint32_t low = registers_->read32(bar(window) + 8);
        const std::uint32_t high = registers_->read32(bar(window) + 12);
        if (all_ones(low) && all_ones(high)) return errc::revoked;
        return byte_address<peer>{std::uint64_t{high} << 32 | low};
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        if (window > 1 || aim.bytes == 0) return errc::invalid;
        return set_limit(window, bases_[window] + aim.bytes, false);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        if (window > 1) return errc::invalid;
        const std::uint32_t low = registers_->read32(bar(window) + 4);
        const std::uint32_t high = registers_->read32(bar(window) + 0x14);
        if (all_ones(low) && all_ones(high)) return errc::revoked;
        return (std::uint64_t{high} << 32 | low) > bases_[window];
    }
    constexpr errc begin_group() noexcept { return writes_.begin(); }
    constexpr errc end_group() noexcept { return writes_.end(*registers_); }
    constexpr void abandon_group() noexcept { (void)writes_.end(*registers_); }

 private:
    static constexpr std::uint64_t bar(std::uint32_t window) noexcept {
        return 0x490 + 0x10 * std::uint64_t{2 * window};
    }
    /// In an order in which the limit is never above both its old and its new value.
    constexpr errc set_limit(std::uint32_t window, std::uint64_t limit, bool lowers) noexcept {
        const auto low = static_cast<std::uint32_t>(limit);
        const auto high = static_cast<std::uint32_t>(limit >> 32);
        const std::uint64_t first = bar(window) + (lowers ? 0x14 : 4);
        const std::uint64_t second = bar(window) + (lowers ? 4 : 0x14);
        const errc begun = writes_.put32(*registers_, first, lowers ? high : low);
        const errc ended = writes_.put32(*registers_, second, lowers ? low : high);
        return begun != errc::ok ? begun : ended;
    }

    Registers* registers_;
    std::uint64_t bases_[2];
    std::uint32_t partition_;
    detail::gathered_writes writes_{};
};

/// Slices of an IDT 89HPES: window i is entry i of the table in one BAR. Its registers are behind an index,
/// so whoever uses them takes a word that all programs of the bridge share, by one try: `busy` if another is
/// in. An entry is taken out (valid bit) before its address is changed, and put in after it: the driver
/// writes lower, middle, upper both to set and to clear it. Whether each write takes effect by itself is not
/// confirmed by a public source; this order does not need to know.
///
/// | word | who writes | order |
/// |---|---|---|
/// | `port` | whoever found 0 writes 1, and 0 when done | exchange acquire, store release |
///
/// Source: Linux drivers/ntb/hw/idt/ntb_hw_idt.h (IDT_NT_LUTOFFSET 0x4e0, LUTLDATA, LUTMDATA, LUTUDATA;
/// IDT_LUTOFFSET_BAR 0x700, IDT_LUTUDATA_VALID 0x80000000), ntb_hw_idt.c (lut_lock).
template <register_access Registers, atomics Platform = platform>
class idt_slice_registers {
 public:
    using word = typename Platform::template atomic<std::uint32_t>;

    constexpr idt_slice_registers(Registers& registers, word& port, std::uint32_t bar,
                                  std::uint32_t partition) noexcept
        : registers_(&registers), port_(&port), bar_(bar), partition_(partition) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        return at(window, [&] {
            registers_->write32(upper, 0);
            registers_->write32(lower, 0);
            registers_->write32(middle, 0);
            if (gathers_) return errc::ok;
            return detail::expect(registers_->read32(upper), std::uint32_t{0});
        });
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        return at(window, [&] {
            registers_->write32(lower, static_cast<std::uint32_t>(aim.target.value));
            registers_->write32(middle, static_cast<std::uint32_t>(aim.target.value >> 32));
            return errc::ok;
        });
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        std::uint64_t found = 0;
        const errc error = at(window, [&] {
            found = std::uint64_t{registers_->read32(middle)} << 32 | registers_->read32(lower);
            return all_ones(found) ? errc::revoked : errc::ok;
        });
        if (error != errc::ok) return error;
        return byte_address<peer>{found};
    }
    constexpr errc enable(std::uint32_t window, const window_aim&) noexcept {
        return at(window, [&] {
            const std::uint32_t wanted = valid | (partition_ & 0xf);
            registers_->write32(upper, wanted);
            if (gathers_) return errc::ok;
            return detail::expect(registers_->read32(upper), wanted);
        });
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        std::uint32_t found = 0;
        const errc error = at(window, [&] {
            found = registers_->read32(upper);
            return all_ones(found) ? errc::revoked : errc::ok;
        });
        if (error != errc::ok) return error;
        return (found & valid) != 0;
    }
    /// The port is taken for each entry, not for all of a group: others come in between.
    constexpr errc begin_group() noexcept {
        gathers_ = true;
        return errc::ok;
    }
    constexpr errc end_group() noexcept {
        gathers_ = false;
        return all_ones(registers_->read32(index)) ? errc::revoked : errc::ok;
    }
    constexpr void abandon_group() noexcept { gathers_ = false; }

 private:
    static constexpr std::uint64_t index = 0x4e0;
    static constexpr std::uint64_t lower = 0x4e4;
    static constexpr std::uint64_t middle = 0x4e8;
    static constexpr std::uint64_t upper = 0x4ec;
    static constexpr std::uint32_t valid = 0x8000'0000;

    template <class Use>
    constexpr errc at(std::uint32_t window, Use use) noexcept {
        if (window > 0x1f) return errc::invalid;
        if (port_->exchange(1, memory_order::acquire) != 0) return errc::busy;
        registers_->write32(index, window | bar_ << 8);
        const errc error = use();
        port_->store(0, memory_order::release);
        return error;
    }

    Registers* registers_;
    word* port_;
    std::uint32_t bar_;
    std::uint32_t partition_;
    bool gathers_ = false;
};

}  // namespace ashlar
