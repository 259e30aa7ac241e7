// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <cstdint>

namespace ashlar {

/// What a range of physical addresses is, in ascending order of precedence: where two sources describe the
/// same byte, the later one of this list wins. So memory can only be taken away by a second opinion, and the
/// result does not depend on who is asked first.
///
/// | kind | what it is | handed out |
/// |---|---|---|
/// | `none` | not described; may still carry a node and attributes (a hot-plug window) | no |
/// | `usable` | RAM | yes |
/// | `acpi_reclaim` | RAM that holds ACPI tables until they were read | after `reclaim` |
/// | `persistent` | non-volatile memory | no |
/// | `special_purpose` | RAM set aside for drivers (EFI_MEMORY_SP, Linux "soft reserved") | no |
/// | `unaccepted` | RAM that a confidential guest must accept first | after `use_unaccepted` |
/// | `acpi_nvs` | RAM that the firmware keeps across sleep states | no |
/// | `reserved` | anything that software is to keep away from; also every type that is not known | no |
/// | `unusable` | RAM that failed | no |
/// | `excluded` | taken by the embedder: its image, its tables, its metadata | no |
enum class memory_kind : std::uint8_t {
    none,
    usable,
    acpi_reclaim,
    persistent,
    special_purpose,
    unaccepted,
    acpi_nvs,
    reserved,
    unusable,
    excluded,
};

/// The kind of a byte that two sources describe.
[[nodiscard]] constexpr memory_kind more_restrictive(memory_kind a, memory_kind b) noexcept {
    return a < b ? b : a;
}

/// A short lower-case name, for logs and reports. Any context.
[[nodiscard]] constexpr const char* to_string(memory_kind kind) noexcept {
    switch (kind) {
        case memory_kind::none:
            return "none";
        case memory_kind::usable:
            return "usable";
        case memory_kind::acpi_reclaim:
            return "acpi_reclaim";
        case memory_kind::persistent:
            return "persistent";
        case memory_kind::special_purpose:
            return "special_purpose";
        case memory_kind::unaccepted:
            return "unaccepted";
        case memory_kind::acpi_nvs:
            return "acpi_nvs";
        case memory_kind::reserved:
            return "reserved";
        case memory_kind::unusable:
            return "unusable";
        case memory_kind::excluded:
            return "excluded";
    }
    return "unknown";
}

/// Properties beside the kind, as bits of `memory_entry::attributes`.
namespace memory_attribute {
inline constexpr std::uint8_t mirrored = 1;  ///< EFI_MEMORY_MORE_RELIABLE; the E820 type "mirror"
inline constexpr std::uint8_t hot_pluggable =
    2;  ///< can come and go at run time; part of the claim of a node (SRAT, CEDT)
inline constexpr std::uint8_t non_volatile = 4;  ///< keeps its contents (SRAT, CEDT)
inline constexpr std::uint8_t unaccepted = 8;    ///< to be accepted first: lent out, or special-purpose
}  // namespace memory_attribute

/// A range of physical addresses in bytes, half open. An end of 2^64 is written as 2^64 - 1: the last byte
/// of the address space is never described.
struct memory_entry {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    memory_kind kind = memory_kind::none;
    std::uint8_t attributes = 0;  ///< `memory_attribute` bits
    node_id node = any_node;      ///< `any_node` as long as nobody said

    [[nodiscard]] constexpr bool has(std::uint8_t attribute) const noexcept {
        return (attributes & attribute) != 0;
    }
    [[nodiscard]] friend constexpr bool operator==(const memory_entry&,
                                                   const memory_entry&) noexcept = default;
};

}  // namespace ashlar
