// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
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

/// Walks the structures of one SRAT.
class srat_walk {
 public:
    constexpr srat_walk(bytes table_bytes, memory_map& map, topology& nodes, defects& found) noexcept
        : table_(table_bytes),
          nodes_(nodes),
          reader_(table::srat, table_reader::order::any, map, found),
          wide_domains_(std::to_integer<unsigned>(table_bytes[8]) > 1) {}

    constexpr errc run() noexcept {
        // Nodes are numbered as Linux does it: the domains of processors first.
        nodes_.forget_processors();
        for (std::size_t at = first_structure; next(at, true);) {
            add_initiator(at);
            at += length_at(at);
        }
        for (std::size_t at = first_structure; next(at, false);) {
            if (byte_at(at) == memory && long_enough(at, 40)) add_memory(at);
            at += length_at(at);
        }
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

    [[nodiscard]] constexpr unsigned byte_at(std::size_t at) const noexcept {
        return load_little<std::uint8_t>(table_, at);
    }
    [[nodiscard]] constexpr std::uint32_t word_at(std::size_t at) const noexcept {
        return load_little<std::uint32_t>(table_, at);
    }
    [[nodiscard]] constexpr std::size_t length_at(std::size_t at) const noexcept { return byte_at(at + 1); }

    /// True if a whole structure begins at `at`. What is wrong is reported on one of the two passes only.
    constexpr bool next(std::size_t at, bool report) noexcept {
        if (at == table_.size()) return false;
        const std::size_t length = holds(table_, at, 2) ? length_at(at) : 2;
        if (length >= 2 && holds(table_, at, length)) return true;
        if (report && length < 2) {
            reader_.report(at, defect_kind::bad_length, "a structure without length ends the table");
        } else if (report) {
            reader_.report(at, defect_kind::truncated, "a structure reaches beyond the table");
        }
        return false;
    }

    constexpr bool long_enough(std::size_t at, std::size_t wanted) noexcept {
        if (length_at(at) >= wanted) return true;
        reader_.report(at, defect_kind::bad_length, "a structure that is too short for its type");
        return false;
    }

    constexpr void add_initiator(std::size_t at) noexcept {
        switch (byte_at(at)) {
            case local_apic:
                if (long_enough(at, 16) && enabled(at + 4)) {
                    const std::uint32_t high = wide_domains_ ? word_at(at + 8) & 0xffffff00 : 0;
                    add_processor(at, high | byte_at(at + 2));
                }
                break;
            case local_x2apic:
                if (long_enough(at, 24) && enabled(at + 12)) add_processor(at, word_at(at + 4));
                break;
            case gicc:
                if (long_enough(at, 18) && enabled(at + 10)) add_processor(at, word_at(at + 2));
                break;
            case rintc:
                if (long_enough(at, 20) && enabled(at + 12)) add_processor(at, word_at(at + 4));
                break;
            case generic_initiator:
                if (long_enough(at, 32) && enabled(at + 24)) take(at, nodes_.add(word_at(at + 4)));
                break;
            default:
                break;
        }
    }

    [[nodiscard]] constexpr bool enabled(std::size_t flags) const noexcept {
        return (word_at(flags) & 1) != 0;
    }

    constexpr void add_processor(std::size_t at, proximity_domain domain) noexcept {
        take(at, nodes_.add_processor(domain));
    }

    constexpr void take(std::size_t at, const result<node_id>& node) noexcept {
        if (node) return;
        full_ = true;
        reader_.report(at, defect_kind::full, "more domains than nodes can be");
    }

    constexpr void add_memory(std::size_t at) noexcept {
        const std::uint32_t flags = word_at(at + 28);
        if ((flags & 1) == 0) return;
        memory_affinity affinity;
        affinity.bytes = extent::of(load_little<std::uint64_t>(table_, at + 8),
                                    load_little<std::uint64_t>(table_, at + 16));
        affinity.domain = wide_domains_ ? word_at(at + 2) : byte_at(at + 2);
        affinity.hot_pluggable = (flags & 2) != 0;
        affinity.non_volatile = (flags & 4) != 0;
        if (!add_affinity(reader_, nodes_, at, affinity)) full_ = true;
    }

    bytes table_;
    topology& nodes_;
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
