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

/// Attribute bits of a UEFI memory descriptor that matter here. Source: UEFI 2.10, section 7.2.
namespace uefi_attribute {
inline constexpr std::uint64_t write_back = 0x8;                  ///< EFI_MEMORY_WB
inline constexpr std::uint64_t non_volatile = 0x8000;             ///< EFI_MEMORY_NV
inline constexpr std::uint64_t more_reliable = 0x10000;           ///< EFI_MEMORY_MORE_RELIABLE: mirrored
inline constexpr std::uint64_t special_purpose = 0x40000;         ///< EFI_MEMORY_SP
inline constexpr std::uint64_t runtime = std::uint64_t{1} << 63;  ///< EFI_MEMORY_RUNTIME
}  // namespace uefi_attribute

/// Memory that a confidential guest has to accept. Source: UEFI 2.10, section 7.2.
inline constexpr std::uint32_t unaccepted_uefi_type = 15;

/// What a UEFI memory type with these attributes means once boot services are over; `none` for a type that
/// nobody defines (it is then treated as reserved).
///
/// Loader, boot-services and conventional memory is usable if it can be cached write-back and the runtime
/// services do not need it, as in Linux's do_add_efi_memmap; special-purpose and non-volatile memory is set
/// apart, special-purpose memory also where it is yet to be accepted. ACPI tables, NVS, failed, persistent
/// and unaccepted memory have kinds of their own; everything else is reserved, the types of OEMs and of
/// operating systems (from 0x70000000 on) too.
[[nodiscard]] constexpr memory_kind uefi_kind(std::uint32_t type, std::uint64_t attributes) noexcept {
    constexpr std::uint32_t first_oem_type = 0x70000000;
    switch (type) {
        case 1:  // loader code
        case 2:  // loader data
        case 3:  // boot services code
        case 4:  // boot services data
        case 7:  // conventional
            if ((attributes & uefi_attribute::write_back) == 0) return memory_kind::reserved;
            if ((attributes & uefi_attribute::runtime) != 0) return memory_kind::reserved;
            if ((attributes & uefi_attribute::special_purpose) != 0) return memory_kind::special_purpose;
            if ((attributes & uefi_attribute::non_volatile) != 0) return memory_kind::persistent;
            return memory_kind::usable;
        case 8:
            return memory_kind::unusable;
        case 9:
            return memory_kind::acpi_reclaim;
        case 10:
            return memory_kind::acpi_nvs;
        case 14:
            return memory_kind::persistent;
        case unaccepted_uefi_type:
            if ((attributes & uefi_attribute::special_purpose) != 0) return memory_kind::special_purpose;
            return memory_kind::unaccepted;
        case 0:   // reserved
        case 5:   // runtime services code
        case 6:   // runtime services data
        case 11:  // memory-mapped I/O
        case 12:  // memory-mapped I/O port space
        case 13:  // processor firmware code
            return memory_kind::reserved;
        default:
            return type >= first_oem_type ? memory_kind::reserved : memory_kind::none;
    }
}

namespace detail {

/// One descriptor, from whatever form it was read.
struct uefi_descriptor {
    extent bytes{};
    std::uint32_t type = 0;
    std::uint64_t attributes = 0;
};

constexpr void add_descriptor(table_reader& reader, std::uint64_t offset,
                              const uefi_descriptor& descriptor) noexcept {
    const memory_kind kind = uefi_kind(descriptor.type, descriptor.attributes);
    unsigned attributes = 0;
    const bool mirrored = (descriptor.attributes & uefi_attribute::more_reliable) != 0;
    if (mirrored) attributes |= memory_attribute::mirrored;
    // Who is given special-purpose memory has to know that it is not there yet.
    if (descriptor.type == unaccepted_uefi_type && kind == memory_kind::special_purpose) {
        attributes |= memory_attribute::unaccepted;
    }
    reader.add(offset, descriptor.bytes, kind, static_cast<std::uint8_t>(attributes));
}

/// As `read_uefi`, for descriptors that begin `base` bytes into the caller's input.
constexpr errc read_descriptors(bytes input, std::size_t stride, std::size_t base, memory_map& map,
                                defects& found) noexcept {
    constexpr std::size_t descriptor_bytes = 40;
    constexpr unsigned uefi_page_shift = 12;  // whatever the page size of the machine is

    table_reader reader(table::uefi, table_reader::order::any, map, found);
    if (stride < descriptor_bytes) {
        reader.report(base, defect_kind::bad_length, "a descriptor has 40 bytes or more");
        return errc::invalid;
    }
    std::size_t offset = 0;
    for (; holds(input, offset, stride); offset += stride) {
        const auto first = load_little<std::uint64_t>(input, offset + 8);
        const auto pages = load_little<std::uint64_t>(input, offset + 24);
        add_descriptor(reader, base + offset,
                       {extent::of(first, pages, uefi_page_shift), load_little<std::uint32_t>(input, offset),
                        load_little<std::uint64_t>(input, offset + 32)});
    }
    if (offset != input.size()) {
        reader.report(base + offset, defect_kind::truncated, "the last descriptor is cut off");
    }
    return reader.finish();
}

}  // namespace detail

/// Reads the memory map that UEFI's GetMemoryMap returns: descriptors `stride` bytes apart, which is the
/// DescriptorSize that the call returned (48 with EDK2, 40 with U-Boot), not the size of a struct.
///
/// Descriptors may come in any order. EFI_MEMORY_MORE_RELIABLE marks mirrored memory. An empty descriptor is
/// dropped, so is one that ends beyond the address space unless it takes memory away; both are reported, as
/// are overlaps, unknown types and a rest that is no whole descriptor.
///
/// `invalid` for a stride below 40 (nothing is read), `limit` if the map is full. Any context.
constexpr errc read_uefi(bytes input, std::size_t stride, memory_map& map, defects& found) noexcept {
    return detail::read_descriptors(input, stride, 0, map, found);
}

/// True if the bytes begin like a UEFI memory map in a file: "EFIM", version u32, DescriptorSize u32, size of
/// all descriptors in bytes u32, descriptors from byte 16 on; little-endian.
[[nodiscard]] constexpr bool is_efi_map_file(bytes input) noexcept {
    constexpr std::uint32_t magic = 0x4d494645;
    return holds(input, 0, 16) && load_little<std::uint32_t>(input, 0) == magic;
}

/// Reads such a file, as `read_uefi`. `invalid` also if it is none; `truncated` is reported if it ends early.
constexpr errc read_efi_map_file(bytes input, memory_map& map, defects& found) noexcept {
    constexpr std::size_t header_bytes = 16;
    if (!is_efi_map_file(input)) {
        found.report({table::uefi, 0, defect_kind::bad_signature, "not a file of a UEFI memory map"});
        return errc::invalid;
    }
    const auto stride = load_little<std::uint32_t>(input, 8);
    const auto size = load_little<std::uint32_t>(input, 12);
    const bytes descriptors = input.subview(header_bytes, size);
    if (descriptors.size() < size) {
        found.report({table::uefi, input.size(), defect_kind::truncated, "the file ends before its map"});
    }
    return detail::read_descriptors(descriptors, stride, header_bytes, map, found);
}

}  // namespace ashlar
