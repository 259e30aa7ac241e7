// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/firmware/acpi_table.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace detail {

/// The matrix of a SLIT: N x N bytes, a row for each domain that one looks from.
struct slit_matrix {
    static constexpr std::size_t offset = 44;

    bytes cells{};
    std::size_t domains = 0;

    [[nodiscard]] constexpr std::uint8_t operator()(std::size_t from, std::size_t to) const noexcept {
        return load_little<std::uint8_t>(cells, from * domains + to);
    }

    /// Index of the first cell that cannot be true, the number of cells if there is none. Linux's rule: local
    /// is 10, everything else is farther.
    [[nodiscard]] constexpr std::size_t first_wrong() const noexcept {
        for (std::size_t cell = 0; cell < cells.size(); ++cell) {
            const bool local = cell / domains == cell % domains;
            const auto distance = load_little<std::uint8_t>(cells, cell);
            if (local ? distance != local_distance : distance <= local_distance) return cell;
        }
        return cells.size();
    }
};

}  // namespace detail

/// Reads an ACPI System Locality Information Table: the distances between proximity domains. They need not be
/// symmetric; 255 is unreachable.
///
/// Before or after the SRAT. Before it, domains from `max_nodes` on cannot be kept (reported as `full`);
/// after it any domain can. Domains without a node are skipped, nodes that the table leaves out keep 10 and
/// 20. A matrix whose diagonal is not 10, or with another distance of 10 or less, is reported and not used at
/// all, as in Linux.
///
/// `invalid` if there is no usable matrix (nothing is changed). Any context.
constexpr errc read_slit(bytes input, topology& nodes, defects& found) noexcept {
    constexpr std::size_t count_offset = acpi_header_bytes;
    const bytes content = detail::acpi_table(input, "SLIT", detail::slit_matrix::offset, table::slit, found);
    if (content.empty()) return errc::invalid;

    const auto domains = load_little<std::uint64_t>(content, count_offset);
    const std::size_t room = content.size() - detail::slit_matrix::offset;
    if (domains == 0 || domains > room || domains > room / domains) {
        found.report({table::slit, count_offset, defect_kind::bad_length,
                      "the matrix does not fit into the table", domains, domains});
        return errc::invalid;
    }
    const auto n = static_cast<std::size_t>(domains);
    const detail::slit_matrix matrix{content.subview(detail::slit_matrix::offset, n * n), n};
    if (const std::size_t wrong = matrix.first_wrong(); wrong != n * n) {
        found.report({table::slit, detail::slit_matrix::offset + wrong, defect_kind::bad_distance,
                      "a distance that cannot be true; the table is not used", wrong / n, wrong % n});
        return errc::invalid;
    }
    if (!nodes.has_domains()) {
        if (n > max_nodes) {
            found.report({table::slit, count_offset, defect_kind::full,
                          "more domains than can be kept before the SRAT is read", max_nodes, n - 1});
        }
        for (std::size_t from = 0; from < n && from < max_nodes; ++from) {
            for (std::size_t to = 0; to < n && to < max_nodes; ++to) {
                (void)nodes.remember_distance(static_cast<proximity_domain>(from),
                                              static_cast<proximity_domain>(to), matrix(from, to));
            }
        }
        return n > max_nodes ? errc::limit : errc::ok;
    }
    for (unsigned a = 0; a < nodes.node_count(); ++a) {
        for (unsigned b = 0; b < nodes.node_count(); ++b) {
            const auto from = static_cast<node_id>(a);
            const auto to = static_cast<node_id>(b);
            if (nodes.domain(from) >= n || nodes.domain(to) >= n) continue;
            (void)nodes.set_distance(from, to, matrix(nodes.domain(from), nodes.domain(to)));
        }
    }
    return errc::ok;
}

}  // namespace ashlar
