// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
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

/// A range of memory that a domain claims, from whatever form it was read.
struct memory_affinity {
    extent bytes{};
    proximity_domain domain = 0;
    bool hot_pluggable = false;
    bool non_volatile = false;
};

/// Gives the range to the node of its domain. False if there is no room for another node.
constexpr bool add_affinity(table_reader& reader, topology& nodes, std::uint64_t offset,
                            const memory_affinity& affinity) noexcept {
    const result<node_id> node = nodes.add(affinity.domain);
    if (!node) {
        reader.report(offset, defect_kind::full, "more domains than nodes can be", affinity.bytes);
        return false;
    }
    unsigned attributes = 0;
    if (affinity.hot_pluggable) attributes |= memory_attribute::hot_pluggable;
    if (affinity.non_volatile) attributes |= memory_attribute::non_volatile;
    reader.add(offset, affinity.bytes, memory_kind::none, static_cast<std::uint8_t>(attributes), *node);
    return true;
}

/// Reads the structures of one SRAT.
class srat_walk {
 public:
    constexpr srat_walk(bytes table_bytes, memory_map& map, topology& nodes, defects& found) noexcept
        : table_(table_bytes),
          nodes_(nodes),
          found_(found),
          reader_(table::srat, table_reader::order::any, map, found),
          wide_domains_(load_little<std::uint8_t>(table_bytes, 8) > 1) {}

    constexpr errc run() noexcept {
        // Nodes are numbered as Linux does it: the domains of processors first.
        nodes_.forget_processors();
        for_each_structure<std::uint8_t, std::uint8_t, 1>(
            table_, first_structure, table::srat, &found_,
            [this](std::size_t at, unsigned type, bytes structure) noexcept {
                add_initiator(at, type, structure);
            });
        for_each_structure<std::uint8_t, std::uint8_t, 1>(
            table_, first_structure, table::srat, nullptr,
            [this](std::size_t at, unsigned type, bytes structure) noexcept {
                if (type == memory && long_enough(structure, 40, table::srat, at, found_)) {
                    add_memory(at, structure);
                }
            });
        const errc answer = reader_.finish();
        return full_ ? errc::limit : answer;
    }

 private:
    static constexpr std::size_t first_structure = 48;
    /// Types of structures. Source: ACPI 6.5, 5.2.16.
    static constexpr unsigned local_apic = 0;
    static constexpr unsigned memory = 1;
    static constexpr unsigned local_x2apic = 2;
    static constexpr unsigned gicc = 3;
    static constexpr unsigned generic_initiator = 5;
    static constexpr unsigned rintc = 7;

    [[nodiscard]] static constexpr unsigned byte_at(bytes structure, std::size_t offset) noexcept {
        return load_little<std::uint8_t>(structure, offset);
    }
    [[nodiscard]] static constexpr std::uint32_t word_at(bytes structure, std::size_t offset) noexcept {
        return load_little<std::uint32_t>(structure, offset);
    }

    constexpr void add_initiator(std::size_t at, unsigned type, bytes structure) noexcept {
        switch (type) {
            case local_apic:
                if (enabled(at, structure, 16, 4)) {
                    const std::uint32_t high = wide_domains_ ? word_at(structure, 8) & 0xffffff00 : 0;
                    take(at, nodes_.add_processor(high | byte_at(structure, 2)));
                }
                break;
            case local_x2apic:
                if (enabled(at, structure, 24, 12)) take(at, nodes_.add_processor(word_at(structure, 4)));
                break;
            case gicc:
                if (enabled(at, structure, 18, 10)) take(at, nodes_.add_processor(word_at(structure, 2)));
                break;
            case rintc:
                if (enabled(at, structure, 20, 12)) take(at, nodes_.add_processor(word_at(structure, 4)));
                break;
            case generic_initiator:
                if (enabled(at, structure, 32, 24)) take(at, nodes_.add(word_at(structure, 4)));
                break;
            default:
                break;
        }
    }

    /// True if the structure has the bytes of its type, and its flags say that it counts.
    constexpr bool enabled(std::size_t at, bytes structure, std::size_t wanted, std::size_t flags) noexcept {
        return long_enough(structure, wanted, table::srat, at, found_) &&
               (word_at(structure, flags) & 1) != 0;
    }

    constexpr void take(std::size_t at, const result<node_id>& node) noexcept {
        if (node) return;
        full_ = true;
        reader_.report(at, defect_kind::full, "more domains than nodes can be");
    }

    constexpr void add_memory(std::size_t at, bytes structure) noexcept {
        const std::uint32_t flags = word_at(structure, 28);
        if ((flags & 1) == 0) return;
        memory_affinity affinity;
        affinity.bytes =
            extent::of(load_little<std::uint64_t>(structure, 8), load_little<std::uint64_t>(structure, 16));
        affinity.domain = wide_domains_ ? word_at(structure, 2) : byte_at(structure, 2);
        affinity.hot_pluggable = (flags & 2) != 0;
        affinity.non_volatile = (flags & 4) != 0;
        if (!add_affinity(reader_, nodes_, at, affinity)) full_ = true;
    }

    bytes table_;
    topology& nodes_;
    defects& found_;
    table_reader reader_;
    bool wide_domains_;  ///< revision 1 has domains of 8 bits, with anything in the other bytes
    bool full_ = false;
};

}  // namespace detail

/// Reads an ACPI System Resource Affinity Table: which processors and which memory belong to which proximity
/// domain. Domains become nodes in Linux's order; the processor counts of an earlier reader are replaced.
/// Memory goes to the map as claims of nodes (`memory_map::set_node`), so it does not matter whether the RAM
/// was added before; a hot-pluggable range without RAM stays a window.
///
/// Disabled structures are skipped. Reported: a wrong header, checksum or length; empty, wrapped and
/// overlapping ranges; memory that several domains claim; more than `max_nodes` domains.
///
/// `invalid` if it is no SRAT (nothing is read), `limit` if the map or the topology is full. Any context.
constexpr errc read_srat(bytes input, memory_map& map, topology& nodes, defects& found) noexcept {
    constexpr std::size_t fixed_part = 48;
    const bytes content = detail::acpi_table(input, "SRAT", fixed_part, table::srat, found);
    if (content.empty()) return errc::invalid;
    return detail::srat_walk(content, map, nodes, found).run();
}

}  // namespace ashlar
