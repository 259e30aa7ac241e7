// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A range that a PCI device decodes, as Linux lists it: first and last address, and the flags of
/// linux/ioport.h, whose low byte has the low bits of the BAR itself. Any context; constexpr.
struct pci_resource {
    std::uint64_t start = 0;
    std::uint64_t end = 0;  ///< the last address
    std::uint64_t flags = 0;

    static constexpr std::uint64_t io = 0x100;
    static constexpr std::uint64_t memory = 0x200;
    static constexpr std::uint64_t prefetchable = 0x2000;
    static constexpr std::uint64_t read_only = 0x4000;
    static constexpr std::uint64_t is_wide = 0x100000;  ///< a BAR of 64 bits: the next one is its high half
    static constexpr std::uint64_t disabled = 0x10000000;
    static constexpr std::uint64_t unset = 0x20000000;  ///< it has a size, but no address was given to it

    /// Nothing is decoded here (also the upper half of a 64-bit BAR).
    [[nodiscard]] constexpr bool empty() const noexcept { return flags == 0 || end < start; }
    [[nodiscard]] constexpr std::uint64_t bytes() const noexcept { return empty() ? 0 : end - start + 1; }
    [[nodiscard]] constexpr bool has(std::uint64_t flag) const noexcept { return (flags & flag) != 0; }
    [[nodiscard]] friend constexpr bool operator==(const pci_resource&,
                                                   const pci_resource&) noexcept = default;
};

/// BARs 0 to 5, the ROM, BARs of virtual functions, windows of a bridge: as many lines as a file can have.
inline constexpr std::size_t most_pci_resources = 17;

namespace detail {

/// Text that is taken apart from its start on.
struct text_reader {
    view<const char> left;

    [[nodiscard]] constexpr bool take(char wanted) noexcept {
        if (left.empty() || left[0] != wanted) return false;
        left = left.subview(1);
        return true;
    }
    /// "0x" and 1 to 16 digits.
    [[nodiscard]] constexpr bool take_hexadecimal(std::uint64_t& value) noexcept {
        if (!take('0') || !take('x')) return false;
        value = 0;
        std::size_t digits = 0;
        for (; digits < left.size(); ++digits) {
            const char c = left[digits];
            const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                                   : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                                   : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                          : 16;
            if (digit == 16) break;
            if (digits == 16) return false;
            value = value << 4 | digit;
        }
        left = left.subview(digits);
        return digits != 0;
    }
};

}  // namespace detail

/// A hexadecimal number of sysfs, with a line end or without. `corrupt` for anything else. constexpr.
[[nodiscard]] constexpr result<std::uint64_t> read_sysfs_number(view<const char> text) noexcept {
    detail::text_reader reader{text};
    std::uint64_t value = 0;
    if (!reader.take_hexadecimal(value)) return errc::corrupt;
    (void)reader.take('\n');
    if (!reader.left.empty()) return errc::corrupt;
    return value;
}

/// Reads a device's `resource` file: a line for each resource, "0xSTART 0xEND 0xFLAGS". Answers how many
/// there are. Nothing else is read than the text; constexpr; O(length).
///
/// Failure: `corrupt` for anything that is no such line, or no line at all, `limit` for more lines than
/// `into` has places; what `into` holds then is not to be used. Source: Linux
/// Documentation/PCI/sysfs-pci.rst, resource_show of drivers/pci/pci-sysfs.c.
///
/// ```
/// constexpr char text[] = "0x00000000feb00000 0x00000000feb000ff 0x0000000000040200\n";
/// ashlar::pci_resource bars[1];
/// (void)ashlar::read_pci_resources({text, sizeof text - 1}, bars);    // bars[0].bytes() is 0x100
/// ```
[[nodiscard]] constexpr result<std::size_t> read_pci_resources(view<const char> text,
                                                               view<pci_resource> into) noexcept {
    detail::text_reader reader{text};
    std::size_t count = 0;
    while (!reader.left.empty()) {
        pci_resource one;
        if (!reader.take_hexadecimal(one.start) || !reader.take(' ') || !reader.take_hexadecimal(one.end) ||
            !reader.take(' ') || !reader.take_hexadecimal(one.flags) || !reader.take('\n')) {
            return errc::corrupt;
        }
        if (count == into.size()) return errc::limit;
        into[count++] = one;
    }
    if (count == 0) return errc::corrupt;
    return count;
}

}  // namespace ashlar
