// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstdint>

namespace ashlar {

/// Direct windows of an IDT 89HPES, which the initiator programs. All registers have 32 bits: translation and
/// limit are two each, so they are written while the limit is 0, which lets nothing pass.
///
/// Source: Linux drivers/ntb/hw/idt/ntb_hw_idt.h (IDT_NT_BARSETUP0 0x470, BARLIMIT0, BARLTBASE0, BARUTBASE0,
/// 0x10 a BAR; IDT_BARSETUP_TPART 0xe000), ntb_hw_idt.c (idt_ntb_peer_mw_set_trans,
/// idt_ntb_peer_mw_clear_trans: the upper half of a limit is the next BAR's).
template <register_access Registers>
class idt_direct_registers {
 public:
    /// Window i is the 64-bit BAR 2 * i, at `bases[i]` on the bus; `partition`: whose memory it shows.
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

 private:
    static constexpr std::uint64_t bar(std::uint32_t window) noexcept {
        return 0x470 + 0x10 * std::uint64_t{2 * window};
    }
    /// In an order in which the limit is never above both its old and its new value.
    constexpr errc set_limit(std::uint32_t window, std::uint64_t limit, bool lowers) noexcept {
        const auto low = static_cast<std::uint32_t>(limit);
        const auto high = static_cast<std::uint32_t>(limit >> 32);
        registers_->write32(bar(window) + (lowers ? 0x14 : 4), lowers ? high : low);
        registers_->write32(bar(window) + (lowers ? 4 : 0x14), lowers ? low : high);
        const errc first = detail::expect(registers_->read32(bar(window) + 4), low);
        return first != errc::ok ? first : detail::expect(registers_->read32(bar(window) + 0x14), high);
    }

    Registers* registers_;
    std::uint64_t bases_[2];
    std::uint32_t partition_;
};

/// Slices of an IDT 89HPES: window i is entry i of the table in one BAR. Its registers are behind an index,
/// so whoever uses them takes a word that all programs of the bridge share, by one try: `busy` if another is
/// in. An entry is taken out (valid bit) before its address is changed.
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
};

}  // namespace ashlar
