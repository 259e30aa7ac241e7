// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/firmware/defects.hpp>
#include <cstddef>

namespace ashlar::detail {

/// Calls `sink(offset, type, structure)` for each whole structure that stands behind the fixed part of an
/// ACPI table, one directly behind the other. A structure begins with its type, a `Type`; its length in
/// bytes, a `Length`, stands `LengthAt` bytes in and counts itself.
///
/// A structure that is shorter than this header, or that reaches beyond the table, ends the table and is
/// reported, unless `found` is null: for tables that are walked more than once.
template <class Type, class Length, std::size_t LengthAt, class Sink>
constexpr void for_each_structure(bytes content, std::size_t fixed_part, table source, defects* found,
                                  Sink&& sink) noexcept {
    constexpr std::size_t header_bytes = LengthAt + sizeof(Length);
    for (std::size_t at = fixed_part; at < content.size();) {
        const bool has_header = holds(content, at, header_bytes);
        const std::size_t length = load_little<Length>(content, at + LengthAt);
        if (has_header && length >= header_bytes && holds(content, at, length)) {
            sink(at, load_little<Type>(content, at), content.subview(at, length));
            at += length;
            continue;
        }
        const bool no_length = has_header && length < header_bytes;
        if (found != nullptr && no_length) {
            found->report({source, at, defect_kind::bad_length, "a structure without length ends the table"});
        } else if (found != nullptr) {
            found->report({source, at, defect_kind::truncated, "a structure reaches beyond the table"});
        }
        return;
    }
}

/// False, and reported, if a structure has fewer bytes than its type asks for.
[[nodiscard]] constexpr bool long_enough(bytes structure, std::size_t wanted, table source, std::size_t at,
                                         defects& found) noexcept {
    if (structure.size() >= wanted) return true;
    found.report({source, at, defect_kind::bad_length, "a structure that is too short for its type"});
    return false;
}

}  // namespace ashlar::detail
