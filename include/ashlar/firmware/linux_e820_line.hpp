// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/linux_range.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/size_label.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <cstdint>

namespace ashlar::detail {

/// How Linux has named a type over the years: e820__print_table in logs (usable, ACPI data), and
/// e820_type_to_string in sysfs, later in logs too (System RAM, ACPI Tables).
struct e820_name {
    const char* name;
    memory_kind kind;
    std::uint8_t attributes;
};

inline constexpr e820_name e820_names[] = {
    {"usable", memory_kind::usable, 0},
    {"System RAM (kernel)", memory_kind::reserved, 0},  // type 128
    {"System RAM", memory_kind::usable, 0},
    {"mirror", memory_kind::usable, memory_attribute::mirrored},  // CN104252419
    {"reserved", memory_kind::reserved, 0},
    {"Reserved", memory_kind::reserved, 0},
    {"device reserved", memory_kind::reserved, 0},
    {"soft reserved", memory_kind::special_purpose, 0},
    {"Soft Reserved", memory_kind::special_purpose, 0},
    {"ACPI data", memory_kind::acpi_reclaim, 0},
    {"ACPI Tables", memory_kind::acpi_reclaim, 0},
    {"ACPI NVS", memory_kind::acpi_nvs, 0},
    {"ACPI Non-volatile Storage", memory_kind::acpi_nvs, 0},
    {"unusable", memory_kind::unusable, 0},
    {"Unusable memory", memory_kind::unusable, 0},
    {"persistent", memory_kind::persistent, 0},
    {"Persistent Memory (legacy)", memory_kind::persistent, 0},
    {"Persistent Memory", memory_kind::persistent, 0},
};

/// Reads the type; kind `none` if it is not known.
[[nodiscard]] constexpr e820_name read_e820_name(text_cursor& cursor) noexcept {
    for (const e820_name& known : e820_names) {
        if (cursor.accept_word(known.name)) return known;
    }
    if (cursor.accept_word("type")) {
        cursor.skip_spaces();
        const number type = cursor.decimal();
        if (type && type.value <= 0xffffffff) {
            return {"type", e820_kind(static_cast<std::uint32_t>(type.value)), 0};
        }
    }
    return {"", memory_kind::none, 0};
}

/// Reads what follows "BIOS-e820:" in a line, or what stands there in a Xen log:
///
///     [mem 0x0000000000000000-0x000000000009fbff] usable          (the last byte is inclusive)
///     [gap 0x00000000000a0000-0x00000000000effff]                 (no memory)
///     0000000000000000 - 000000000009fc00 (usable)                (before Linux 3.6; the end is exclusive)
///     000000000009fc00 @ 0000000000000000 (usable)                (before Linux 2.4.3; size and address)
///     [0000000000000000, 000000000009fbff] (usable)               (Xen; the last byte is inclusive)
constexpr void read_e820_line(table_reader& reader, std::uint64_t offset, text_cursor cursor) noexcept {
    constexpr unsigned usual_digits = 16;

    cursor.skip_spaces();
    if (cursor.accept("[gap")) return;
    const bool named = text_cursor(cursor).accept("[mem");
    written_range range;
    bool complete = read_any_range(cursor, range);
    cursor.skip_spaces();
    if (complete && !named) complete = cursor.accept("(");
    if (!complete) {
        reader.report(offset, defect_kind::malformed, "an E820 line that cannot be read");
        return;
    }
    const extent bytes = range.bytes();

    const e820_name type = read_e820_name(cursor);
    if (bytes.form == extent::shape::plain) {
        if (range.first.digits != usual_digits || range.second.digits != usual_digits) {
            reader.report(offset, defect_kind::digits, "an address that is not written with 16 digits",
                          bytes);
        }
        if (label_contradicts(cursor, bytes)) {
            reader.report(offset, defect_kind::label_mismatch, "the label contradicts the addresses", bytes);
        }
    }
    reader.add(offset, bytes, type.kind, type.attributes);
}

}  // namespace ashlar::detail
