// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <ashlar/core/request.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// How many blocks a node gets while another one of weight 1 gets one (Linux
/// /sys/kernel/mm/mempolicy/weighted_interleave/nodeN): 1 to 255. A weight that is left out or 0 is 1.
struct node_weights {
    std::uint8_t of_node[max_nodes] = {};

    [[nodiscard]] constexpr std::uint32_t of(node_id node) const noexcept {
        return node < max_nodes && of_node[node] != 0 ? of_node[node] : 1;
    }
};

namespace detail {

/// The turn of those who share a choice. One relaxed word: a turn publishes nothing.
template <class Platform>
class shared_turn {
 public:
    constexpr std::uint64_t next() noexcept { return turn_.fetch_add(1, memory_order::relaxed); }

 private:
    typename Platform::template atomic<std::uint32_t> turn_{};
};

/// The nodes that a choice goes round: those of a set that have memory.
[[nodiscard]] constexpr std::uint64_t chosen_nodes(node_set nodes, node_set with_memory) noexcept {
    return nodes.bits & with_memory.bits;
}
[[nodiscard]] constexpr node_id lowest_node(std::uint64_t nodes) noexcept {
    return nodes == 0 ? any_node : static_cast<node_id>(std::countr_zero(nodes));
}

}  // namespace detail

/// Yields the nodes of a set in turn, ascending, for `request::node`, which prefers: a full node's turn is
/// served by its neighbour (Linux MPOL_INTERLEAVE). Nodes without memory are skipped, as far as
/// `with_memory` (`physical_memory::nodes_with_memory`) says which; a set without any yields `any_node`.
///
/// - Protocol: calls from several CPUs share the turn, one relaxed fetch_add each. Of any N consecutive turns
///   of N nodes each node has one; after 2^32 turns the round begins anew.
/// - Complexity: one step for each node of the set. Context: any. The sets do not change; when nodes come or
///   go, make another one.
///
/// ```
/// ashlar::interleave<ashlar::platform> next({.bits = 0b1011}, ram.nodes_with_memory());
/// auto page = ram.allocate({.node = next()});     // nodes 0, 1, 3, 0, ...
/// ```
template <class Platform = platform>
class interleave {
 public:
    constexpr interleave() noexcept = default;
    constexpr explicit interleave(node_set nodes, node_set with_memory = {}) noexcept
        : nodes_(detail::chosen_nodes(nodes, with_memory)),
          count_(static_cast<std::uint32_t>(std::popcount(nodes_))) {}

    [[nodiscard]] constexpr node_id operator()() noexcept { return of(turn_.next()); }

    /// The node of the block at an index: for an object whose blocks are always on the same nodes, whoever
    /// asks first (Linux: by the offset in a shared mapping). Takes no turn.
    [[nodiscard]] constexpr node_id of(std::uint64_t index) const noexcept {
        if (count_ == 0) return any_node;
        std::uint64_t rest = nodes_;
        for (std::uint64_t skip = index % count_; skip > 0; --skip) rest &= rest - 1;
        return detail::lowest_node(rest);
    }

 private:
    std::uint64_t nodes_ = 0;
    std::uint32_t count_ = 0;
    detail::shared_turn<Platform> turn_{};
};

/// As `interleave`, but a node has as many turns in a row as its weight says, then the next one (Linux
/// MPOL_WEIGHTED_INTERLEAVE): for nodes of unequal bandwidth. Of any W consecutive turns, W the sum of the
/// weights, each node has exactly its weight.
///
/// ```
/// // Five blocks on node 0 for every two on node 1
/// ashlar::weighted_interleave<ashlar::platform> next({.bits = 0b11}, {.of_node = {5, 2}});
/// auto page = ram.allocate({.node = next()});
/// ```
template <class Platform = platform>
class weighted_interleave {
 public:
    constexpr weighted_interleave() noexcept = default;
    constexpr weighted_interleave(node_set nodes, const node_weights& weights,
                                  node_set with_memory = {}) noexcept
        : nodes_(detail::chosen_nodes(nodes, with_memory)), weights_(weights) {
        for (std::uint64_t rest = nodes_; rest != 0; rest &= rest - 1) {
            total_ += weights_.of(detail::lowest_node(rest));
        }
    }

    [[nodiscard]] constexpr node_id operator()() noexcept { return of(turn_.next()); }

    /// See `interleave::of`.
    [[nodiscard]] constexpr node_id of(std::uint64_t index) const noexcept {
        if (total_ == 0) return any_node;
        auto skip = static_cast<std::uint32_t>(index % total_);
        std::uint64_t rest = nodes_;
        for (std::uint32_t weight = weight_of_lowest(rest); skip >= weight; weight = weight_of_lowest(rest)) {
            skip -= weight;
            rest &= rest - 1;
        }
        return detail::lowest_node(rest);
    }

 private:
    [[nodiscard]] constexpr std::uint32_t weight_of_lowest(std::uint64_t nodes) const noexcept {
        return weights_.of(detail::lowest_node(nodes));
    }

    std::uint64_t nodes_ = 0;
    std::uint32_t total_ = 0;  ///< at most 64 * 255
    node_weights weights_{};
    detail::shared_turn<Platform> turn_{};
};

}  // namespace ashlar
