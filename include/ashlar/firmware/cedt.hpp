// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
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

/// How many host bridges a window of memory is interleaved over, 0 for a code that is not defined. Source:
/// CXL 3.0, encoded number of interleave ways.
[[nodiscard]] constexpr std::size_t cxl_interleave_ways(unsigned code) noexcept {
    constexpr std::size_t ways[] = {1, 2, 4, 8, 16, 0, 0, 0, 3, 6, 12};
    return code < sizeof ways / sizeof ways[0] ? ways[code] : 0;
}

/// Reads the registers and windows of one CEDT.
class cedt_walk {
 public:
    constexpr cedt_walk(bytes content, memory_map& map, topology& nodes, defects& found) noexcept
        : content_(content),
          map_(map),
          nodes_(nodes),
          found_(found),
          reader_(table::cedt, table_reader::order::any, map, found) {}

    constexpr errc run() noexcept {
        for_each_structure<std::uint8_t, std::uint16_t, 2>(
            content_, acpi_header_bytes, table::cedt, &found_,
            [this](std::size_t at, unsigned type, bytes structure) noexcept {
                constexpr unsigned host_bridge = 0;
                constexpr unsigned fixed_memory_window = 1;
                if (type == host_bridge && long_enough(structure, 32, table::cedt, at, found_)) {
                    reader_.add(at, range_at(structure, 16), memory_kind::reserved, 0);
                } else if (type == fixed_memory_window &&
                           long_enough(structure, targets, table::cedt, at, found_)) {
                    add_window(at, structure);
                }
            });
        const errc answer = reader_.finish();
        return full_ ? errc::limit : answer;
    }

 private:
    static constexpr std::size_t targets = 36;  ///< where the list of host bridges begins

    [[nodiscard]] static constexpr extent range_at(bytes structure, std::size_t offset) noexcept {
        return extent::of(load_little<std::uint64_t>(structure, offset),
                          load_little<std::uint64_t>(structure, offset + 8));
    }

    constexpr void add_window(std::size_t at, bytes structure) noexcept {
        constexpr std::uint64_t unit = std::uint64_t{256} << 20;
        constexpr unsigned volatile_memory = 4;
        constexpr unsigned persistent_memory = 8;
        const extent window = range_at(structure, 8);
        const std::size_t ways = cxl_interleave_ways(load_little<std::uint8_t>(structure, 24));
        if (ways == 0) {
            reader_.report(at, defect_kind::bad_value, "a window of an unknown number of ways", window);
            return;
        }
        if (!long_enough(structure, targets + 4 * ways, table::cedt, at, found_)) return;
        const bool aligned = window.first % unit == 0 && (window.last + 1) % unit == 0;
        if (window.form == extent::shape::plain && !aligned) {
            reader_.report(at, defect_kind::misaligned, "a window that is not aligned to 256 MiB", window);
            return;
        }
        if (!reader_.look_at(at, window)) return;
        const unsigned restrictions = load_little<std::uint16_t>(structure, 32);
        unsigned attributes = memory_attribute::hot_pluggable;
        if ((restrictions & (volatile_memory | persistent_memory)) == persistent_memory) {
            attributes |= memory_attribute::non_volatile;
        }
        fill(at, window, static_cast<std::uint8_t>(attributes));
    }

    /// Gives what nobody claims of the window to the node of the claim behind it in the window, else to that
    /// of the last one before it, else to a node of the window's own.
    constexpr void fill(std::size_t at, const extent& window, std::uint8_t attributes) noexcept {
        constexpr std::uint64_t top = ~std::uint64_t{0};
        const std::uint64_t end = window.last == top ? top : window.last + 1;
        node_id node = any_node;
        for (std::uint64_t begin = window.first; begin < end;) {
            memory_entry claim{end, end, memory_kind::none, 0, any_node};
            (void)map_.any_of(begin, end, [&claim](const memory_entry& entry) noexcept {
                if (entry.node == any_node) return false;
                claim = entry;
                return true;
            });
            if (claim.node != any_node) node = claim.node;
            if (node == any_node) node = node_for_window(at, window);
            if (node == any_node) return;
            if (claim.begin > begin) {
                const errc answer = map_.add({begin, claim.begin, memory_kind::none, attributes, node});
                if (answer == errc::limit) report_full(at, window);
            }
            begin = claim.end;
        }
    }

    /// A machine without domains has one node. On others it is a new one, as in Linux's acpi_parse_cfmws, of
    /// a domain that no table names: from the largest number downwards.
    constexpr node_id node_for_window(std::size_t at, const extent& window) noexcept {
        if (!nodes_.has_domains()) return 0;
        proximity_domain domain = ~proximity_domain{0};
        while (nodes_.node_of(domain) != any_node) --domain;
        const result<node_id> node = nodes_.add(domain);
        if (node) return *node;
        full_ = true;
        reader_.report(at, defect_kind::full, "more windows than nodes can be", window);
        return any_node;
    }

    constexpr void report_full(std::size_t at, const extent& window) noexcept {
        if (!full_) reader_.report(at, defect_kind::full, "the memory map's array is full", window);
        full_ = true;
    }

    bytes content_;
    memory_map& map_;
    topology& nodes_;
    defects& found_;
    table_reader reader_;
    bool full_ = false;
};

}  // namespace detail

/// Reads a CXL Early Discovery Table. Nothing in it is memory:
/// - the registers of a host bridge (CHBS) become `reserved`;
/// - a fixed memory window (CFMWS) is a range of addresses in which memory of CXL devices can appear at run
///   time. It becomes a hot-plug window, like one of an SRAT: a hot-pluggable claim of a node that makes no
///   memory, and non-volatile if the window is for persistent memory only.
///
/// Where an SRAT claims a part of a window, that stays; what is left of the window goes to the node of the
/// claim behind it, the rest of the window to that of the last claim, as Linux's numa_fill_memblks does it. A
/// window of which nobody claims a byte gets a node of its own, of a made-up domain, or node 0 on a machine
/// without domains. So the SRAT comes first. Memory that the firmware's map describes inside a window is
/// memory as everywhere, with the window's node if no table says otherwise.
///
/// A window that is not aligned to 256 MiB, that has an unknown number of ways or less than its list of host
/// bridges is reported and not used, as in Linux. Reported as well: a wrong header, checksum or length;
/// empty, wrapped and overlapping ranges. Structures of other types are skipped.
///
/// `invalid` if it is no CEDT (nothing is read), `limit` if the map or the topology is full. Any context.
/// Source: CXL 3.0, 9.17.1; Linux drivers/acpi/numa/srat.c and drivers/cxl/acpi.c.
///
///     (void)ashlar::read_srat(srat, map, nodes, defects);
///     (void)ashlar::read_cedt(cedt, map, nodes, defects);
constexpr errc read_cedt(bytes input, memory_map& map, topology& nodes, defects& found) noexcept {
    const bytes content = detail::acpi_table(input, "CEDT", acpi_header_bytes, table::cedt, found);
    if (content.empty()) return errc::invalid;
    return detail::cedt_walk(content, map, nodes, found).run();
}

}  // namespace ashlar
