// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/firmware/acpi_structures.hpp>
#include <ashlar/firmware/acpi_table.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace detail {

/// A GUID in the groups in which it is written; the last two are one number.
struct guid {
    std::uint32_t first = 0;
    std::uint16_t second = 0;
    std::uint16_t third = 0;
    std::uint64_t rest = 0;

    /// As ACPI stores it: three groups little-endian, the rest in the order of writing.
    [[nodiscard]] static constexpr guid load(bytes input, std::size_t offset) noexcept {
        return {load_little<std::uint32_t>(input, offset), load_little<std::uint16_t>(input, offset + 4),
                load_little<std::uint16_t>(input, offset + 6), load_big<std::uint64_t>(input, offset + 8)};
    }
    [[nodiscard]] friend constexpr bool operator==(const guid&, const guid&) noexcept = default;
};

/// What kind of range an NFIT tells of, and what that means for who hands out memory. Kind `none`: ordinary
/// memory, the firmware's memory map has the say.
struct nfit_range_type {
    guid type;
    memory_kind kind;
};

/// Source: ACPI 6.5, 5.2.26.2, Address Range Type GUID.
inline constexpr nfit_range_type nfit_range_types[] = {
    {{0x66f0d379, 0xb4f3, 0x4074, 0xac430d3318b78cdb}, memory_kind::persistent},  // persistent memory
    {{0x7305944f, 0xfdda, 0x44e3, 0xb16c3f22d252e5d0}, memory_kind::none},        // volatile memory
    {{0x92f701f6, 0x13b4, 0x405d, 0x910b299367e8234c}, memory_kind::reserved},    // control registers
    {{0x91af0530, 0x5d86, 0x470e, 0xa6b00a2db9408249}, memory_kind::reserved},    // block data window
    {{0x77ab535a, 0x45fc, 0x624b, 0x5560f7b281d1f96e}, memory_kind::reserved},    // a disk in volatile memory
    {{0x3d5abd30, 0x4175, 0x87ce, 0x6d64d2ade523c4bb}, memory_kind::reserved},    // a CD in volatile memory
    {{0x5cea02c9, 0x4d07, 0x69d3, 0x269f4496fbe096f9}, memory_kind::persistent},  // a disk
    {{0x08018188, 0x42cd, 0xbb48, 0x100f5387d53ded3d}, memory_kind::persistent},  // a CD
};

/// Reads the address ranges of one NFIT.
class nfit_walk {
 public:
    constexpr nfit_walk(bytes content, memory_map& map, const topology& nodes, defects& found) noexcept
        : content_(content),
          nodes_(nodes),
          found_(found),
          reader_(table::nfit, table_reader::order::any, map, found) {}

    constexpr errc run() noexcept {
        constexpr std::size_t fixed_part = 40;
        for_each_structure<std::uint16_t, std::uint16_t, 2>(
            content_, fixed_part, table::nfit, &found_,
            [this](std::size_t at, unsigned type, bytes structure) noexcept {
                constexpr unsigned address_range = 0;
                if (type == address_range && long_enough(structure, 56, table::nfit, at, found_)) {
                    add(at, structure);
                }
            });
        return reader_.finish();
    }

 private:
    constexpr void add(std::size_t at, bytes structure) noexcept {
        const auto range =
            extent::of(load_little<std::uint64_t>(structure, 32), load_little<std::uint64_t>(structure, 40));
        const guid type = guid::load(structure, 16);
        for (const nfit_range_type& known : nfit_range_types) {
            if (known.type != type) continue;
            const node_id node = node_of(at, structure, range);
            // Of ordinary memory without a node there is nothing to tell.
            if (known.kind != memory_kind::none || node != any_node) {
                reader_.add(at, range, known.kind, 0, node);
            }
            return;
        }
        reader_.add(at, range, memory_kind::none, 0);  // not known: reserved, and reported
    }

    constexpr node_id node_of(std::size_t at, bytes structure, const extent& range) noexcept {
        constexpr unsigned domain_is_valid = 2;
        const bool told = (load_little<std::uint16_t>(structure, 6) & domain_is_valid) != 0;
        if (!told || !nodes_.has_domains()) return any_node;
        const node_id node = nodes_.node_of(load_little<std::uint32_t>(structure, 12));
        if (node == any_node) {
            reader_.report(at, defect_kind::unknown_domain, "a range of a domain without a node", range);
        }
        return node;
    }

    bytes content_;
    const topology& nodes_;
    defects& found_;
    table_reader reader_;
};

}  // namespace detail

/// Reads an ACPI NVDIMM Firmware Interface Table: where non-volatile memory is. No range that it names
/// becomes memory to hand out:
/// - persistent memory, and disks and CDs in it, become `persistent`;
/// - control registers, block windows, and disks and CDs in volatile memory become `reserved`, so does every
///   type of range that is not known (reported);
/// - of volatile memory only the node is taken: what it is, the firmware's memory map says.
///
/// A range with a valid proximity domain is a claim of that domain's node, as in an SRAT; no node is made for
/// it. So the SRAT comes first: a domain without a node is reported, and the range stays without one. On a
/// machine that has no domains at all they are not looked at. Structures of other types are skipped.
///
/// Reported as well: a wrong header, checksum or length; empty, wrapped and overlapping ranges (one that
/// wraps reaches to the end of the address space if it takes memory away, else it is dropped); memory that
/// several nodes claim.
///
/// `invalid` if it is no NFIT (nothing is read), `limit` if the map is full. Any context.
///
///     (void)ashlar::read_srat(srat, map, nodes, defects);
///     (void)ashlar::read_nfit(nfit, map, nodes, defects);
constexpr errc read_nfit(bytes input, memory_map& map, const topology& nodes, defects& found) noexcept {
    constexpr std::size_t fixed_part = 40;
    const bytes content = detail::acpi_table(input, "NFIT", fixed_part, table::nfit, found);
    if (content.empty()) return errc::invalid;
    return detail::nfit_walk(content, map, nodes, found).run();
}

}  // namespace ashlar
