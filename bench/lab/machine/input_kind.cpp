// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/input_kind.hpp"

#include <ashlar/firmware/acpi_table.hpp>
#include <ashlar/firmware/uefi.hpp>
#include <cstddef>
#include <cstdint>

namespace lab {
namespace {

/// A signature of four capitals or digits, and a length that is that of the file.
bool is_acpi_table_of_any_kind(ashlar::bytes content) {
    if (content.size() < ashlar::acpi_header_bytes) return false;
    for (std::size_t i = 0; i < 4; ++i) {
        const auto c = std::to_integer<char>(content[i]);
        const bool usual = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '!';
        if (!usual) return false;
    }
    return ashlar::load_little<std::uint32_t>(content, 4) == content.size();
}

/// Logs may hold colours, a few stray bytes from a serial line, and any encoding.
bool is_text(ashlar::bytes content) {
    const ashlar::bytes beginning = content.subview(0, std::size_t{1} << 16);
    std::size_t strange = 0;
    for (const std::byte b : beginning) {
        const auto code = std::to_integer<unsigned>(b);
        const bool usual = code >= 0x20 || code == '\n' || code == '\r' || code == '\t' || code == 0x1b;
        if (!usual) ++strange;
    }
    return strange * 50 <= beginning.size();
}

}  // namespace

input_kind recognise(ashlar::bytes content) {
    if (content.empty()) return input_kind::empty;
    if (ashlar::is_efi_map_file(content)) return input_kind::efi_map_file;
    if (ashlar::is_acpi_table(content, "SRAT")) return input_kind::srat;
    if (ashlar::is_acpi_table(content, "SLIT")) return input_kind::slit;
    if (is_acpi_table_of_any_kind(content)) return input_kind::other_acpi_table;
    return is_text(content) ? input_kind::text : input_kind::unknown;
}

}  // namespace lab
