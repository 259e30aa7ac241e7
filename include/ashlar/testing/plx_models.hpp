// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/testing/bridge_models.hpp>
#include <cstddef>
#include <cstdint>

/// What the registers of a PLX PEX 87xx do, for `simulated_bridge`: from the same driver as the programs
/// (registers_plx.hpp), written down apart from them. Function 0, its virtual side.
namespace ashlar::testing {

/// Two of them back to back: an access passes if the BAR on the link has a size, and lies at the address that
/// the other one sends it to. Low bits of a translation are not used.
class plx_model : public model_base {
 public:
    static constexpr std::size_t register_bytes = 0x4'0000;
    bool wide = true;
    static constexpr std::uint32_t windows = 2;

    void reset(register_file&) const {}
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) const {
        // A BAR has no address bits below its size.
        if (offset >= link + 0x18 && offset < link + 0x28) {
            const std::uint64_t setup = link + 0xe8 + (offset - link - 0x18);
            const bool is_upper = wide && offset % 8 != 0;
            value &= file.get(setup) & (is_upper ? ~std::uint32_t{0} : ~std::uint32_t{0xf'ffff});
        }
        file.set(offset, value);
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const { return file.get(offset); }
    [[nodiscard]] simulated_window look(const register_file& file, std::uint32_t i) const {
        const std::uint64_t step = wide ? 8 : 4;
        const std::uint64_t number = 2 + i * step / 4;
        const std::uint64_t kept = value_of(file, link + 0xe8 + i * step) & ~std::uint64_t{0xf'ffff};
        const std::uint64_t size = wide ? ~kept + 1 : static_cast<std::uint32_t>(~kept + 1);
        const bool is_met =
            (value_of(file, link + 0x18 + i * step) & ~std::uint64_t{0xf}) == number << (wide ? 61 : 29);
        const std::uint64_t target = value_of(file, link + 0xc3c + i * step);
        return {kept != 0 && is_met, target & ~(size - 1), smaller(size, aperture)};
    }

 private:
    static constexpr std::uint64_t link = 0x3'f000;

    [[nodiscard]] std::uint64_t value_of(const register_file& file, std::uint64_t offset) const {
        return std::uint64_t{wide ? file.get(offset + 4) : 0} << 32 | file.get(offset);
    }
};

/// The table in BAR 2, of 128 or 256 entries, of which the first 16 and the last 16 are windows.
class plx_slices_model : public model_base {
 public:
    static constexpr std::size_t register_bytes = 0x4'0000;
    static constexpr std::uint32_t windows = 32;
    bool is_shared = false;

    [[nodiscard]] std::uint32_t entry_of(std::uint32_t window) const {
        return window < 16 ? window : (is_shared ? 128U : 256U) - windows + window;
    }
    void reset(register_file& file) const {
        // Whoever was there before has left entries that let accesses pass.
        for (std::uint32_t i = 0; i < windows; ++i) file.set(place_of(i) + 0x800, 3);
    }
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) const {
        if (offset >= 0x3'8000 && offset < 0x3'c000 && offset % 0x1000 >= 0x800) value &= 3;
        file.set(offset, value);
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const { return file.get(offset); }
    [[nodiscard]] simulated_window look(const register_file& file, std::uint32_t i) const {
        const std::uint64_t at = place_of(i);
        const bool has_table = file.get(0x3'e000 + 0xc94) == 0x1000'0000;
        const std::uint64_t target = std::uint64_t{file.get(at + 0x400)} << 32 | file.get(at);
        return {has_table && file.get(at + 0x800) == 3, target & ~(aperture - 1), aperture};
    }

 private:
    /// The second table of 4 KiB, or of 8 KiB, is the virtual side's.
    [[nodiscard]] std::uint64_t place_of(std::uint32_t window) const {
        const std::uint64_t entry = entry_of(window);
        return 0x3'8000 + (is_shared ? 0x1000 : 0x2000) + entry / 128 * 0x1000 + entry % 128 * 4;
    }
};

}  // namespace ashlar::testing
