// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/firmware/defects.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Bytes of the header that every ACPI system description table begins with. Source: ACPI 6.5, 5.2.6.
inline constexpr std::size_t acpi_header_bytes = 36;

/// True if the bytes begin with a table header of this signature. Any context.
[[nodiscard]] constexpr bool is_acpi_table(bytes input, const char (&signature)[5]) noexcept {
    if (!holds(input, 0, acpi_header_bytes)) return false;
    for (std::size_t i = 0; i < 4; ++i) {
        if (std::to_integer<char>(input[i]) != signature[i]) return false;
    }
    return true;
}

namespace detail {

/// The bytes of the ACPI table at the start of `input`, header included; none if it is not the table that was
/// asked for or shorter than `minimum`. A table that is cut off is as long as what is there. A wrong checksum
/// is reported and no more, as Linux does.
[[nodiscard]] constexpr bytes acpi_table(bytes input, const char (&signature)[5], std::size_t minimum,
                                         table source, defects& found) noexcept {
    constexpr std::size_t length_offset = 4;
    if (!is_acpi_table(input, signature)) {
        found.report({source, 0, defect_kind::bad_signature, "not an ACPI table of this signature"});
        return {};
    }
    const auto length = load_little<std::uint32_t>(input, length_offset);
    const bytes content = input.subview(0, length);
    if (length < minimum) {
        found.report(
            {source, length_offset, defect_kind::bad_length, "the table is shorter than its fixed part"});
        return {};
    }
    if (content.size() < length) {
        found.report({source, input.size(), defect_kind::truncated, "the input ends before the table"});
        return content.size() < minimum ? bytes{} : content;
    }
    unsigned sum = 0;
    for (const std::byte b : content) sum += std::to_integer<unsigned>(b);
    if ((sum & 0xff) != 0) {
        found.report({source, 9, defect_kind::bad_checksum, "the bytes of the table do not sum to zero"});
    }
    return content;
}

}  // namespace detail
}  // namespace ashlar
