// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Firmware's number for a node: any 32 bits, with gaps.
using proximity_domain = std::uint32_t;

/// Distances as in the ACPI SLIT: relative to a local access, which is 10.
inline constexpr std::uint8_t local_distance = 10;
inline constexpr std::uint8_t remote_distance = 20;        ///< where nobody said
inline constexpr std::uint8_t unreachable_distance = 255;  ///< no path between the nodes

/// The nodes of a machine: dense ids for firmware's proximity domains, in the order in which they are added
/// (the readers add domains as Linux does: those of processors first, then those of memory), how many
/// processors each has, and the distances between them.
///
/// A machine of which nobody said anything has one node, 0, of domain 0. Fixed size, no pointers; can be
/// `constinit`. Look-ups of a domain are O(nodes), all else O(1). Any context; no synchronisation.
///
///     ashlar::topology nodes;
///     (void)nodes.add_processor(7);               // node 0
///     (void)nodes.add(3);                        // node 1
///     (void)nodes.set_distance(0, 1, 21);
///     nodes.distance(0, 1);                       // 21
///     nodes.distance(1, 0);                       // 20: distances need not be symmetric
class topology {
 public:
    /// The node of a domain, made if it is new. `limit` when there are `max_nodes` already.
    constexpr result<node_id> add(proximity_domain domain) noexcept {
        const node_id known = node_of(domain);
        if (known != any_node) return known;
        if (count_ == max_nodes) return errc::limit;
        domains_[count_] = domain;
        return static_cast<node_id>(count_++);
    }

    /// As `add`, and counts one more enabled processor there.
    constexpr result<node_id> add_processor(proximity_domain domain) noexcept {
        const result<node_id> node = add(domain);
        if (node) ++processors_[*node];
        return node;
    }

    /// False as long as no domain was added: the machine then has the one node that every machine has.
    [[nodiscard]] constexpr bool has_domains() const noexcept { return count_ != 0; }
    [[nodiscard]] constexpr unsigned node_count() const noexcept { return count_ == 0 ? 1 : count_; }

    /// Enabled processors of a node; 0 beyond the last node.
    [[nodiscard]] constexpr std::uint32_t cpus(node_id node) const noexcept {
        return node < max_nodes ? processors_[node] : 0;
    }

    /// The proximity domain of a node; 0 beyond the last node.
    [[nodiscard]] constexpr proximity_domain domain(node_id node) const noexcept {
        return node < max_nodes ? domains_[node] : 0;
    }

    /// The node of a domain, `any_node` if there is none.
    [[nodiscard]] constexpr node_id node_of(proximity_domain domain) const noexcept {
        for (unsigned node = 0; node < count_; ++node) {
            if (domains_[node] == domain) return static_cast<node_id>(node);
        }
        return any_node;
    }

    /// How far `to` is from `from`: 10 is local, 255 unreachable. 255 beyond the last node.
    [[nodiscard]] constexpr std::uint8_t distance(node_id from, node_id to) const noexcept {
        if (from >= node_count() || to >= node_count()) return unreachable_distance;
        const std::size_t row = index(from);
        const std::size_t column = index(to);
        if (row < max_nodes && column < max_nodes && distances_[row][column] != 0) {
            return distances_[row][column];
        }
        return from == to ? local_distance : remote_distance;
    }

    /// Sets the distance in one direction; a distance of 0 means "nobody said". `invalid` for a node that
    /// does not exist, `limit` if distances are remembered by domain and one of the domains is too large for
    /// that.
    constexpr errc set_distance(node_id from, node_id to, std::uint8_t distance) noexcept {
        if (from >= node_count() || to >= node_count()) return errc::invalid;
        const std::size_t row = index(from);
        const std::size_t column = index(to);
        if (row >= max_nodes || column >= max_nodes) return errc::limit;
        distances_[row][column] = distance;
        return errc::ok;
    }

    /// For a reader that knows the distances between domains before their nodes exist. `busy` when a domain
    /// was added already (use `set_distance`), `limit` for a domain of `max_nodes` or more.
    constexpr errc remember_distance(proximity_domain from, proximity_domain to,
                                     std::uint8_t distance) noexcept {
        if (has_domains()) return errc::busy;
        if (from >= max_nodes || to >= max_nodes) return errc::limit;
        by_domain_ = true;
        distances_[from][to] = distance;
        return errc::ok;
    }

    /// No processor is counted any more; the nodes stay.
    constexpr void forget_processors() noexcept {
        for (std::uint32_t& count : processors_) count = 0;
    }

 private:
    /// Row and column of a node in the matrix; `max_nodes` or more if it has none.
    [[nodiscard]] constexpr std::size_t index(node_id node) const noexcept {
        return by_domain_ && node < max_nodes ? domains_[node] : node;
    }

    unsigned count_ = 0;
    proximity_domain domains_[max_nodes]{};
    std::uint32_t processors_[max_nodes]{};
    std::uint8_t distances_[max_nodes][max_nodes]{};
    bool by_domain_ = false;  ///< rows and columns are domains, because they were known before the nodes
};

}  // namespace ashlar
