// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What an E820 address range type means; `none` for a type that nobody defines (it is then treated as
/// reserved). Source: ACPI 6.5 table 15.5; Linux asm/e820/types.h for 12 (legacy non-volatile memory), 128
/// (taken by the kernel) and 0xefffffff (soft reserved); GRUB for 20 (EFI runtime code).
[[nodiscard]] constexpr memory_kind e820_kind(std::uint32_t type) noexcept {
    switch (type) {
        case 1:
            return memory_kind::usable;
        case 3:
            return memory_kind::acpi_reclaim;
        case 4:
            return memory_kind::acpi_nvs;
        case 5:
            return memory_kind::unusable;
        case 7:
        case 12:
            return memory_kind::persistent;
        case 0xefffffff:
            return memory_kind::special_purpose;
        case 2:
        case 6:
        case 20:
        case 128:
            return memory_kind::reserved;
        default:
            return memory_kind::none;
    }
}

/// What follows the first 20 bytes of an entry: the extended attributes of ACPI 3.0, or nothing of interest
/// (PVH's memory map, Multiboot 2).
enum class e820_extra : std::uint8_t { attributes, padding };

/// Reads a binary E820 table: entries of `stride` bytes {base u64, length u64, type u32, [attributes u32]},
/// little-endian, at any alignment.
///
/// With attributes, an entry whose bit 0 is clear is ignored and reported, RAM with bit 1 is persistent and
/// RAM with bit 3 (error log) reserved. A stride of 20, or 24 and more. A rest that is no whole entry is
/// reported as `truncated`. Holes of less than 1 MiB between neighbours are reported above 1 MiB, except
/// among the devices from 0xfec00000 to 4 GiB.
///
/// `invalid` for another stride (nothing is read), `limit` if the map is full. Any context.
constexpr errc read_e820(bytes input, std::size_t stride, memory_map& map, defects& found,
                         e820_extra extra = e820_extra::attributes) noexcept {
    constexpr std::uint32_t enabled = 1;
    constexpr std::uint32_t non_volatile = 2;
    constexpr std::uint32_t error_log = 8;

    detail::table_reader reader(table::e820, detail::table_reader::order::sorted, map, found);
    if (stride != 20 && stride < 24) {
        reader.report(0, defect_kind::bad_length, "an E820 entry has 20 bytes, or 24 and more");
        return errc::invalid;
    }
    const bool extended = stride >= 24 && extra == e820_extra::attributes;
    std::size_t offset = 0;
    for (; holds(input, offset, stride); offset += stride) {
        const auto extent = detail::extent::of(load_little<std::uint64_t>(input, offset),
                                               load_little<std::uint64_t>(input, offset + 8));
        const std::uint32_t attributes = extended ? load_little<std::uint32_t>(input, offset + 20) : enabled;
        if ((attributes & enabled) == 0) {
            reader.report(offset, defect_kind::ignored, "an entry whose extended attributes disable it",
                          extent);
            continue;
        }
        memory_kind kind = e820_kind(load_little<std::uint32_t>(input, offset + 16));
        if (kind == memory_kind::usable && (attributes & non_volatile) != 0) kind = memory_kind::persistent;
        if (kind == memory_kind::usable && (attributes & error_log) != 0) kind = memory_kind::reserved;
        reader.add(offset, extent, kind, 0);
    }
    if (offset != input.size()) {
        reader.report(offset, defect_kind::truncated, "the last entry is cut off");
    }
    return reader.finish();
}

}  // namespace ashlar
