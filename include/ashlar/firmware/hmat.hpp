// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/firmware/acpi_structures.hpp>
#include <ashlar/firmware/acpi_table.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/memory_performance.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace detail {

/// The matrix of one HMAT structure of latencies or bandwidths: a row for each initiator, a column for each
/// memory.
struct hmat_matrix {
    static constexpr std::size_t lists = 32;  ///< where the domains begin: initiators, then memories

    bytes structure{};
    std::size_t initiators = 0;
    std::size_t memories = 0;

    /// Without rows if they do not fit into the structure.
    [[nodiscard]] static constexpr hmat_matrix of(bytes structure) noexcept {
        const std::uint64_t rows = load_little<std::uint32_t>(structure, 12);
        const std::uint64_t columns = load_little<std::uint32_t>(structure, 16);
        const std::uint64_t room = structure.size() - lists;
        // Each list fits by itself, so that nothing wraps below.
        if (rows > room / 4 || columns > room / 4 || 4 * (rows + columns) + 2 * rows * columns > room) {
            return {};
        }
        return {structure, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)};
    }

    [[nodiscard]] constexpr proximity_domain initiator(std::size_t row) const noexcept {
        return load_little<std::uint32_t>(structure, lists + 4 * row);
    }
    [[nodiscard]] constexpr proximity_domain memory(std::size_t column) const noexcept {
        return load_little<std::uint32_t>(structure, lists + 4 * (initiators + column));
    }
    [[nodiscard]] constexpr std::size_t offset(std::size_t row, std::size_t column) const noexcept {
        return lists + 4 * (initiators + memories) + 2 * (row * memories + column);
    }
    [[nodiscard]] constexpr std::uint16_t entry(std::size_t row, std::size_t column) const noexcept {
        return load_little<std::uint16_t>(structure, offset(row, column));
    }
};

/// Reads the structures of one HMAT.
class hmat_walk {
 public:
    constexpr hmat_walk(bytes content, const topology& nodes, memory_performance& performance,
                        defects& found) noexcept
        : content_(content),
          nodes_(nodes),
          performance_(performance),
          found_(found),
          tenths_(load_little<std::uint8_t>(content, 8) == 1) {}

    constexpr errc run() noexcept {
        for_each_structure<std::uint16_t, std::uint32_t, 4>(
            content_, fixed_part, table::hmat, &found_,
            [this](std::size_t at, unsigned type, bytes structure) noexcept {
                if (type == attributes && long_enough(structure, 40, table::hmat, at, found_)) {
                    attach(at, structure);
                } else if (type == figures) {
                    (void)long_enough(structure, hmat_matrix::lists, table::hmat, at, found_);
                } else if (type == cache && long_enough(structure, 32, table::hmat, at, found_)) {
                    add_cache(at, structure);
                }
            });
        for (unsigned rank = 0; rank <= last_rank; ++rank) {
            for_each_structure<std::uint16_t, std::uint32_t, 4>(
                content_, fixed_part, table::hmat, nullptr,
                [this, rank](std::size_t at, unsigned type, bytes structure) noexcept {
                    const bool is_matrix = type == figures && structure.size() >= hmat_matrix::lists;
                    if (is_matrix && rank_of(structure) == rank) add_figures(at, structure);
                });
        }
        return full_ ? errc::limit : errc::ok;
    }

 private:
    /// Types of structures. Source: ACPI 6.5, 5.2.28.
    static constexpr unsigned attributes = 0;
    static constexpr unsigned figures = 1;
    static constexpr unsigned cache = 2;
    static constexpr std::size_t fixed_part = 40;
    /// Types of figures: latency of both, reads, writes, then bandwidth of both, reads, writes.
    static constexpr unsigned first_bandwidth = 3;
    static constexpr unsigned last_rank = 3;

    constexpr void report(std::size_t at, defect_kind kind, const char* text, std::uint64_t first = 0,
                          std::uint64_t last = 0) noexcept {
        found_.report({table::hmat, at, kind, text, first, last});
    }

    /// The node of a domain that has to have one.
    constexpr node_id known_node(std::size_t at, proximity_domain domain) noexcept {
        const node_id node = nodes_.node_of(domain);
        if (node == any_node) {
            report(at, defect_kind::unknown_domain, "a domain without a node", domain, domain);
        }
        return node;
    }

    constexpr void attach(std::size_t at, bytes structure) noexcept {
        constexpr unsigned initiator_is_valid = 1;
        constexpr unsigned memory_is_valid = 2;  // later revisions always tell the memory
        const unsigned flags = load_little<std::uint16_t>(structure, 8);
        if ((flags & initiator_is_valid) == 0 || (tenths_ && (flags & memory_is_valid) == 0)) return;
        const node_id memory = known_node(at, load_little<std::uint32_t>(structure, 16));
        const node_id initiator = known_node(at, load_little<std::uint32_t>(structure, 12));
        if (memory == any_node || initiator == any_node) return;
        (void)performance_.attach(memory, initiator);
        if (performance_.attached_initiator(memory) != initiator) {
            report(at, defect_kind::overlap, "memory that is attached to another initiator as well", memory,
                   initiator);
        }
    }

    /// What is read first counts: figures of reads or writes alone before those of both, and what holds for
    /// transfers of some size or order only (since ACPI 6.4) last.
    [[nodiscard]] static constexpr unsigned rank_of(bytes structure) noexcept {
        constexpr unsigned some_transfers = 0x30;
        const bool is_qualified = (load_little<std::uint8_t>(structure, 8) & some_transfers) != 0;
        const bool of_both = load_little<std::uint8_t>(structure, 9) % first_bandwidth == 0;
        return (is_qualified ? 2U : 0U) + (of_both ? 1U : 0U);
    }

    constexpr void add_figures(std::size_t at, bytes structure) noexcept {
        constexpr unsigned hierarchy = 0xf;
        constexpr unsigned most_types = 6;
        if ((load_little<std::uint8_t>(structure, 8) & hierarchy) != 0) return;  // those of a cache
        const unsigned type = load_little<std::uint8_t>(structure, 9);
        if (type >= most_types) {
            report(at, defect_kind::unknown_kind, "neither a latency nor a bandwidth", type, type);
            return;
        }
        const hmat_matrix matrix = hmat_matrix::of(structure);
        if (matrix.initiators == 0 || matrix.memories == 0) {
            report(at, defect_kind::bad_length, "the matrix does not fit into its structure, or is empty");
            return;
        }
        const auto unit = load_little<std::uint64_t>(structure, 24);
        if (unit == 0) {
            report(at, defect_kind::bad_value, "figures with a unit of 0");
            return;
        }
        bool contradicts = false;
        for (std::size_t row = 0; row < matrix.initiators; ++row) {
            const node_id initiator = nodes_.node_of(matrix.initiator(row));
            if (initiator == any_node) continue;
            for (std::size_t column = 0; column < matrix.memories; ++column) {
                access_performance said;
                said.initiator = initiator;
                said.memory = nodes_.node_of(matrix.memory(column));
                const std::uint16_t entry = matrix.entry(row, column);
                if (said.memory == any_node || entry == 0) continue;
                if (tell(said, type, entry, unit)) {
                    add(at + matrix.offset(row, column), said, contradicts);
                } else {
                    report(at + matrix.offset(row, column), defect_kind::bad_value,
                           "a figure that does not fit into 64 bits", entry, unit);
                }
            }
        }
    }

    /// Writes down one entry. False if the figure is too large.
    [[nodiscard]] constexpr bool tell(access_performance& said, unsigned type, std::uint16_t entry,
                                      std::uint64_t unit) const noexcept {
        constexpr std::uint16_t no_way = 0xffff;
        if (entry == no_way) {
            said.unreachable = true;
            return true;
        }
        const bool latency = type < first_bandwidth;
        // A tenth of a nanosecond has 100 picoseconds.
        const std::uint64_t scale = tenths_ && latency ? 100 : 1;
        if (unit > ~std::uint64_t{0} / entry / scale) return false;
        std::uint64_t figure = entry * unit * scale;
        if (tenths_ && !latency) figure = figure / 10 + (figure % 10 != 0 ? 1 : 0);
        const bool reads = type % first_bandwidth != 2;
        const bool writes = type % first_bandwidth != 1;
        if (reads) (latency ? said.read_latency : said.read_bandwidth) = figure;
        if (writes) (latency ? said.write_latency : said.write_bandwidth) = figure;
        return true;
    }

    /// `contradicts`: an entry of the same matrix did, which is told once.
    constexpr void add(std::size_t at, const access_performance& said, bool& contradicts) noexcept {
        if (!contradicts && performance_.between(said.initiator, said.memory).contradicts(said)) {
            report(at, defect_kind::overlap, "a figure that was told before, otherwise", said.initiator,
                   said.memory);
            contradicts = true;
        }
        if (performance_.add(said) == errc::limit) take_full(at, "the array of pairs is full");
    }

    constexpr void add_cache(std::size_t at, bytes structure) noexcept {
        const std::uint32_t bits = load_little<std::uint32_t>(structure, 24);
        memory_side_cache said;
        said.bytes = load_little<std::uint64_t>(structure, 16);
        said.levels = bits & 0xf;
        said.level = bits >> 4 & 0xf;
        said.line_bytes = static_cast<std::uint16_t>(bits >> 16);
        const unsigned index = bits >> 8 & 0xf;
        const unsigned write = bits >> 12 & 0xf;
        if (index == 1) said.index = memory_side_cache::indexing::direct_mapped;
        if (index == 2) said.index = memory_side_cache::indexing::complex;
        if (write == 1) said.write = memory_side_cache::writes::back;
        if (write == 2) said.write = memory_side_cache::writes::through;
        // Defined for direct-mapped caches only.
        said.extended_linear = index == 1 && load_little<std::uint16_t>(structure, 28) == 1;
        if (said.bytes == 0) {
            report(at, defect_kind::zero_length, "a cache of no size");
            return;
        }
        if (said.level == 0 || said.level > said.levels) {
            report(at, defect_kind::bad_value, "a cache of a level that there is not", said.level,
                   said.levels);
            return;
        }
        said.memory = known_node(at, load_little<std::uint32_t>(structure, 8));
        if (said.memory == any_node) return;
        const memory_side_cache* const known = performance_.cache(said.memory, said.level);
        if (known != nullptr && *known != said) {
            report(at, defect_kind::overlap, "a cache that was told before, otherwise", said.memory,
                   said.level);
        }
        if (performance_.add(said) == errc::limit) take_full(at, "the array of caches is full");
    }

    constexpr void take_full(std::size_t at, const char* text) noexcept {
        if (!full_) report(at, defect_kind::full, text);
        full_ = true;
    }

    bytes content_;
    const topology& nodes_;
    memory_performance& performance_;
    defects& found_;
    bool tenths_;  ///< figures of revision 1: tenths of nanoseconds and of MB/s
    bool full_ = false;
};

}  // namespace detail

/// Reads an ACPI Heterogeneous Memory Attribute Table: latency and bandwidth between domains, the initiators
/// that memory is attached to, and caches in front of memory. It makes no nodes, so the SRAT comes first.
///
/// - Figures are picoseconds and MB/s, in revision 1 (ACPI 6.2) tenths of nanoseconds and of MB/s, which are
///   rounded up. 0xffff means that there is no way, 0 that nobody says. Access latency or bandwidth is that
///   of reads and of writes, where nothing is told of reads or writes alone. Figures that hold for transfers
///   of some size or order only count where nothing else is told; those of caches are skipped.
/// - Domains of latencies and bandwidths without a node are skipped, as in a SLIT: CXL's generic ports have
///   none.
/// - An initiator or a memory of the attributes, or the memory of a cache, without a node is reported and not
///   used: not every table names only what its SRAT has.
/// - What is told first stays, also what was known before.
///
/// Reported as well: a wrong header, checksum or length; a matrix that does not fit; units of 0; figures
/// beyond 64 bits; types of figures that are not defined; what is told twice, differently (the first figure
/// of a matrix that is); caches without size or of a level beyond the last. Structures of other types are
/// skipped.
///
/// `invalid` if it is no HMAT, or of a revision whose units are not known (nothing is read), `limit` if an
/// array is full. Any context. Source: ACPI 6.5, 5.2.28; for revision 1 Linux's hmat_normalize.
///
///     (void)ashlar::read_srat(srat, map, nodes, defects);
///     (void)ashlar::read_hmat(hmat, nodes, performance, defects);
constexpr errc read_hmat(bytes input, const topology& nodes, memory_performance& performance,
                         defects& found) noexcept {
    constexpr std::size_t fixed_part = 40;
    constexpr std::size_t revision_at = 8;
    const bytes content = detail::acpi_table(input, "HMAT", fixed_part, table::hmat, found);
    if (content.empty()) return errc::invalid;
    const unsigned revision = load_little<std::uint8_t>(content, revision_at);
    if (revision != 1 && revision != 2) {
        found.report({table::hmat, revision_at, defect_kind::bad_value,
                      "a revision whose units are not known", revision, revision});
        return errc::invalid;
    }
    return detail::hmat_walk(content, nodes, performance, found).run();
}

}  // namespace ashlar
