// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What is wrong with a part of a firmware table. Readers report and go on; what a broken entry said is only
/// used as far as it takes memory away.
enum class defect_kind : std::uint8_t {
    truncated,       ///< the input ends before the table or entry does
    bad_signature,   ///< not the table that the reader was asked to read
    bad_checksum,    ///< the bytes of an ACPI table do not sum to zero
    bad_length,      ///< a length field that the format does not allow
    malformed,       ///< text that begins like an entry and is none
    zero_length,     ///< an entry that describes no byte
    inverted,        ///< an entry that ends before it starts
    wrapped,         ///< an entry that ends beyond the 64-bit address space
    misordered,      ///< an entry that starts before its predecessor, in a table that is to be sorted
    misaligned,      ///< an address or a size that is no multiple of the unit that the format demands
    overlap,         ///< an entry that overlaps another one of the same table, or says otherwise than it
    digits,          ///< an address written with an unusual number of digits
    label_mismatch,  ///< a label beside the numbers contradicts them
    hole,            ///< a small range between two entries that the table does not describe
    no_node,         ///< usable memory that no node claims
    node_conflict,   ///< memory that several nodes claim
    unknown_domain,  ///< a proximity domain that no table before made a node
    bad_value,       ///< a number that the format does not allow or that cannot be true
    bad_distance,    ///< a distance table with a wrong diagonal or a remote distance that is not remote
    unknown_kind,    ///< a type of memory that the format does not define
    ignored,         ///< an entry that asks to be ignored
    derived,         ///< not from a table of the firmware, but from what a kernel made of one
    full,            ///< a caller's array or a fixed limit is too small for what the table says
};

/// A short lower-case name, for logs and reports. Any context.
[[nodiscard]] constexpr const char* to_string(defect_kind kind) noexcept {
    switch (kind) {
        case defect_kind::truncated:
            return "truncated";
        case defect_kind::bad_signature:
            return "bad_signature";
        case defect_kind::bad_checksum:
            return "bad_checksum";
        case defect_kind::bad_length:
            return "bad_length";
        case defect_kind::malformed:
            return "malformed";
        case defect_kind::zero_length:
            return "zero_length";
        case defect_kind::inverted:
            return "inverted";
        case defect_kind::wrapped:
            return "wrapped";
        case defect_kind::misordered:
            return "misordered";
        case defect_kind::misaligned:
            return "misaligned";
        case defect_kind::overlap:
            return "overlap";
        case defect_kind::digits:
            return "digits";
        case defect_kind::label_mismatch:
            return "label_mismatch";
        case defect_kind::hole:
            return "hole";
        case defect_kind::no_node:
            return "no_node";
        case defect_kind::node_conflict:
            return "node_conflict";
        case defect_kind::unknown_domain:
            return "unknown_domain";
        case defect_kind::bad_value:
            return "bad_value";
        case defect_kind::bad_distance:
            return "bad_distance";
        case defect_kind::unknown_kind:
            return "unknown_kind";
        case defect_kind::ignored:
            return "ignored";
        case defect_kind::derived:
            return "derived";
        case defect_kind::full:
            return "full";
    }
    return "unknown";
}

/// Where a defect was found. An entry that was read from a log counts for the table that the log shows.
enum class table : std::uint8_t { e820, uefi, srat, slit, hmat, nfit, cedt, pvh, multiboot, fdt, log, map };

/// A short lower-case name, for logs and reports. Any context.
[[nodiscard]] constexpr const char* to_string(table source) noexcept {
    switch (source) {
        case table::e820:
            return "e820";
        case table::uefi:
            return "uefi";
        case table::srat:
            return "srat";
        case table::slit:
            return "slit";
        case table::hmat:
            return "hmat";
        case table::nfit:
            return "nfit";
        case table::cedt:
            return "cedt";
        case table::pvh:
            return "pvh";
        case table::multiboot:
            return "multiboot";
        case table::fdt:
            return "fdt";
        case table::log:
            return "log";
        case table::map:
            return "map";
    }
    return "unknown";
}

/// One finding.
struct defect {
    table source = table::map;
    std::uint64_t offset = 0;  ///< in bytes from the start of the input; 0 where there is no input
    defect_kind kind = defect_kind::truncated;
    const char* text = "";    ///< one static sentence
    std::uint64_t first = 0;  ///< what it is about: the first byte address of a range, or a number
    std::uint64_t last = 0;   ///< the last byte address of the range, inclusive
};

/// The list of findings, over the caller's array. When the array is full, later findings are only counted.
///
///     ashlar::defect found[32];
///     ashlar::defects defects{found};
///
/// Any context; no synchronisation.
class defects {
 public:
    constexpr defects() noexcept = default;
    constexpr defects(view<defect> storage) noexcept : storage_(storage) {}
    template <std::size_t N>
    constexpr defects(defect (&storage)[N]) noexcept : storage_(storage) {}
    defects(const defects&) = delete;
    defects& operator=(const defects&) = delete;

    constexpr void report(const defect& found) noexcept {
        if (size_ == storage_.size()) {
            ++dropped_;
        } else {
            storage_[size_++] = found;
        }
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr const defect* begin() const noexcept { return storage_.data(); }
    [[nodiscard]] constexpr const defect* end() const noexcept { return storage_.data() + size_; }
    [[nodiscard]] constexpr const defect& operator[](std::size_t index) const noexcept {
        return storage_[index];
    }
    /// How many findings did not fit.
    [[nodiscard]] constexpr std::uint64_t dropped() const noexcept { return dropped_; }
    /// How many of the findings kept are of `kind`.
    [[nodiscard]] constexpr std::size_t count(defect_kind kind) const noexcept {
        std::size_t n = 0;
        for (const defect& found : *this) n += found.kind == kind ? 1 : 0;
        return n;
    }

 private:
    view<defect> storage_;
    std::size_t size_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace ashlar
