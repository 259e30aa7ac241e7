// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/input_kind.hpp"

#include <ashlar/firmware/acpi_table.hpp>
#include <ashlar/firmware/fdt.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/uefi.hpp>
#include <cstddef>
#include <cstdint>

#include "lab/machine/e820_layout.hpp"

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

/// Entries that each say their own size, one behind the other up to the end of the file.
bool is_multiboot1_map(ashlar::bytes content) {
    constexpr std::uint32_t least_size = 20;
    constexpr std::uint32_t most_size = 64;
    std::size_t at = 0;
    while (at < content.size()) {
        const auto size = ashlar::load_little<std::uint32_t>(content, at);
        if (size < least_size || size > most_size || !ashlar::holds(content, at + 4, size)) return false;
        at += 4 + size;
    }
    return at != 0;
}

/// The size of the file, a zero, and tags up to the one that ends them at the end of the file.
bool is_multiboot2(ashlar::bytes content) {
    const auto word = [content](std::size_t at) { return ashlar::load_little<std::uint32_t>(content, at); };
    if (content.size() < 16 || word(0) != content.size() || word(4) != 0) return false;
    for (std::size_t at = 8; ashlar::holds(content, at, 8);) {
        const std::size_t size = word(at + 4);
        if (size < 8 || !ashlar::holds(content, at, size)) return false;
        if (word(at) == 0) return size == 8 && at + size == content.size();
        at += (size + 7) / 8 * 8;
    }
    return false;
}

/// Whole entries, most of which make sense.
bool is_e820(ashlar::bytes content) {
    const e820_layout layout = find_e820_layout(content);
    return layout.plausible && content.size() % layout.stride == 0;
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

ashlar::view<const char> characters_of(ashlar::bytes content) {
    return {reinterpret_cast<const char*>(content.data()), content.size()};
}

/// No log begins with a brace.
bool is_json(ashlar::bytes text) {
    for (const std::byte b : text) {
        const auto c = std::to_integer<char>(b);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c == '{';
    }
    return false;
}

}  // namespace

input_kind recognise(ashlar::bytes content) {
    if (content.empty()) return input_kind::empty;
    if (ashlar::is_efi_map_file(content)) return input_kind::efi_map_file;
    // A log may begin with "SRAT:", but no table is text.
    const bool text = is_text(content);
    if (!text && ashlar::is_acpi_table(content, "SRAT")) return input_kind::srat;
    if (!text && ashlar::is_acpi_table(content, "SLIT")) return input_kind::slit;
    if (!text && ashlar::is_acpi_table(content, "HMAT")) return input_kind::hmat;
    if (!text && ashlar::is_acpi_table(content, "NFIT")) return input_kind::nfit;
    if (!text && ashlar::is_acpi_table(content, "CEDT")) return input_kind::cedt;
    if (is_acpi_table_of_any_kind(content)) return input_kind::other_acpi_table;
    if (ashlar::fdt_size(content)) return input_kind::device_tree;
    if (is_multiboot2(content)) return input_kind::multiboot2;
    if (is_multiboot1_map(content)) return input_kind::multiboot1_map;
    if (text) {
        if (is_json(content)) return input_kind::json;
        return ashlar::is_linux_memmap(characters_of(content)) ? input_kind::memmap : input_kind::text;
    }
    return is_e820(content) ? input_kind::e820 : input_kind::unknown;
}

}  // namespace lab
