// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/linux_range.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <ashlar/firmware/uefi.hpp>
#include <cstdint>

namespace ashlar::detail {

struct uefi_type_name {
    const char* name;
    std::uint32_t type;
};

/// How Linux names the types. Older kernels' names are longer ("Conventional Memory"), so these are
/// beginnings.
inline constexpr uefi_type_name uefi_type_names[] = {
    {"Reserved", 0},     {"Loader Code", 1},  {"Loader Data", 2},  {"Boot Code", 3},      {"Boot Data", 4},
    {"Runtime Code", 5}, {"Runtime Data", 6}, {"Conventional", 7}, {"Unusable", 8},       {"ACPI Reclaim", 9},
    {"ACPI Mem", 10},    {"MMIO Port", 12},   {"MMIO", 11},        {"Memory Mapped", 11}, {"PAL Code", 13},
    {"Persistent", 14},  {"Unaccepted", 15},
};

/// Stands for every type that is not known.
inline constexpr std::uint32_t unknown_uefi_type = 0x6fffffff;

struct uefi_attribute_name {
    const char* name;
    std::uint64_t attribute;
};

inline constexpr uefi_attribute_name uefi_attribute_names[] = {
    {"RUN", uefi_attribute::runtime},        {"MR", uefi_attribute::more_reliable},
    {"SP", uefi_attribute::special_purpose}, {"NV", uefi_attribute::non_volatile},
    {"WB", uefi_attribute::write_back},
};

[[nodiscard]] constexpr std::uint32_t read_uefi_type(text_cursor& cursor) noexcept {
    if (cursor.accept("type=")) {
        const number type = cursor.decimal();
        return type && type.value <= 0xffffffff ? static_cast<std::uint32_t>(type.value) : unknown_uefi_type;
    }
    for (const uefi_type_name& known : uefi_type_names) {
        if (cursor.accept(known.name)) return known.type;
    }
    return unknown_uefi_type;
}

/// Reads one of
///
///     [Conventional|   |  |MR|  |  |  |  |  |  |  |   |WB|WT|WC|UC]
///     [Conventional|attr=0x000000000001000f]     (type=16 in place of a name that the kernel does not know)
[[nodiscard]] constexpr bool read_type_and_attributes(text_cursor& cursor,
                                                      uefi_descriptor& descriptor) noexcept {
    if (!cursor.accept("[")) return false;
    descriptor.type = read_uefi_type(cursor);
    while (cursor.skip_to('|', ']')) {
        if (cursor.accept("]")) return true;
        (void)cursor.accept("|");
        cursor.skip_spaces();
        if (cursor.accept("attr=")) descriptor.attributes |= cursor.hexadecimal_number().value;
        for (const uefi_attribute_name& known : uefi_attribute_names) {
            if (cursor.accept_word(known.name)) descriptor.attributes |= known.attribute;
        }
    }
    return false;
}

/// Reads "type=7, attr=0xf,".
[[nodiscard]] constexpr bool read_numeric_type_and_attributes(text_cursor& cursor,
                                                              uefi_descriptor& descriptor) noexcept {
    descriptor.type = read_uefi_type(cursor);
    if (!cursor.accept(", attr=")) return false;
    const number attributes = cursor.hexadecimal_number();
    descriptor.attributes = attributes.value;
    return attributes && cursor.accept(",");
}

/// The listing of the UEFI memory map that kernels print when they are started with `efi=debug`. A kernel
/// numbers the descriptors, and lists those that runtime services need once more later: what starts to count
/// anew is not the map.
class linux_efi_listing {
 public:
    /// Reads what follows "efi:" in a line. False if it is no descriptor. One of
    ///
    ///     mem00: [type and attributes] range=[0x0000000000000000-0x0000000000086fff] (0MB)
    ///     mem00: type=7, attr=0xf, range=[0x0000000000000000-0x0000000000087000) (0MB)     (before
    ///     Linux 3.17)
    ///       0x000040000000-0x00004007ffff [type and attributes]*                      (AArch64 and RISC-V)
    constexpr bool read_line(table_reader& reader, std::uint64_t offset, text_cursor cursor) noexcept {
        cursor.skip_spaces();
        uefi_descriptor descriptor;
        if (cursor.accept("mem")) {
            const number index = cursor.decimal();
            if (!index || !cursor.accept(":")) return false;
            if (!read_numbered(cursor, descriptor)) {
                reader.report(offset, defect_kind::malformed, "a UEFI memory map line that cannot be read");
                return true;
            }
            // The kernel lists what it removed from the map before it lists the map.
            cursor.skip_spaces();
            if (cursor.accept("(invalid)")) {
                reader.report(offset, defect_kind::ignored, "a descriptor that the kernel found invalid",
                              descriptor.bytes);
                return true;
            }
            if (ended_ || index.value < next_index_) {
                ended_ = true;
                return true;
            }
            next_index_ = index.value + 1;
        } else if (!read_unnumbered(cursor, descriptor)) {
            return false;
        }
        add_descriptor(reader, offset, descriptor);
        return true;
    }

 private:
    [[nodiscard]] static constexpr bool read_numbered(text_cursor& cursor,
                                                      uefi_descriptor& descriptor) noexcept {
        cursor.skip_spaces();
        const bool named = cursor.peek() == '[';
        if (named ? !read_type_and_attributes(cursor, descriptor)
                  : !read_numeric_type_and_attributes(cursor, descriptor)) {
            return false;
        }
        written_range range;
        cursor.skip_spaces();
        if (!cursor.accept("range=[") || !read_range(cursor, range)) return false;
        if (cursor.accept("]")) {
            descriptor.bytes = range.inclusive();
            return true;
        }
        descriptor.bytes = range.exclusive();
        return cursor.accept(")");
    }

    [[nodiscard]] static constexpr bool read_unnumbered(text_cursor& cursor,
                                                        uefi_descriptor& descriptor) noexcept {
        // Without the prefix, words of other lines would pass for numbers.
        written_range range;
        if (!text_cursor(cursor).accept("0x") || !read_range(cursor, range)) return false;
        descriptor.bytes = range.inclusive();
        cursor.skip_spaces();
        return read_type_and_attributes(cursor, descriptor);
    }

    std::uint64_t next_index_ = 0;
    bool ended_ = false;
};

}  // namespace ashlar::detail
