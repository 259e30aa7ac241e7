// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// How an initiator (a node with processors or with a device) reaches the memory of a node, when nothing else
/// happens. A figure of 0: nobody said.
struct access_performance {
    node_id initiator = any_node;
    node_id memory = any_node;
    std::uint64_t read_latency = 0;  ///< in picoseconds
    std::uint64_t write_latency = 0;
    std::uint64_t read_bandwidth = 0;  ///< in MB/s
    std::uint64_t write_bandwidth = 0;
    bool unreachable = false;  ///< firmware says that there is no way

    /// True if both tell a figure, and not the same.
    [[nodiscard]] constexpr bool contradicts(const access_performance& other) const noexcept {
        return differ(read_latency, other.read_latency) || differ(write_latency, other.write_latency) ||
               differ(read_bandwidth, other.read_bandwidth) || differ(write_bandwidth, other.write_bandwidth);
    }

    /// True if memory is reached better this way: writes sooner, reads sooner, more written, more read, the
    /// first that differs decides (Linux's order). What nobody said is worst.
    [[nodiscard]] constexpr bool better_than(const access_performance& other) const noexcept {
        // A latency of 0 becomes the largest one.
        if (write_latency != other.write_latency) return write_latency - 1 < other.write_latency - 1;
        if (read_latency != other.read_latency) return read_latency - 1 < other.read_latency - 1;
        if (write_bandwidth != other.write_bandwidth) return write_bandwidth > other.write_bandwidth;
        return read_bandwidth > other.read_bandwidth;
    }

    [[nodiscard]] friend constexpr bool operator==(const access_performance&,
                                                   const access_performance&) noexcept = default;

 private:
    [[nodiscard]] static constexpr bool differ(std::uint64_t a, std::uint64_t b) noexcept {
        return a != 0 && b != 0 && a != b;
    }
};

/// A cache in front of the memory of a node.
struct memory_side_cache {
    enum class indexing : std::uint8_t { other, direct_mapped, complex };
    enum class writes : std::uint8_t { other, back, through };

    node_id memory = any_node;
    std::uint8_t level = 0;   ///< as firmware counts, from 1
    std::uint8_t levels = 0;  ///< how many this memory has
    indexing index = indexing::other;
    writes write = writes::other;
    std::uint16_t line_bytes = 0;
    std::uint64_t bytes = 0;
    bool extended_linear = false;  ///< its own bytes are part of the node's memory

    [[nodiscard]] friend constexpr bool operator==(const memory_side_cache&,
                                                   const memory_side_cache&) noexcept = default;
};

/// How fast memory is, from where: latency and bandwidth between nodes, the initiator that memory without
/// processors belongs to, and the caches in front of memory. Beside `topology`, which knows nodes and
/// relative distances; over the caller's arrays, of which either may be empty. Filled by `read_hmat`, or by
/// hand.
///
/// What was told first stays. Look-ups are O(pairs). Any context; no synchronisation.
///
///     ashlar::access_performance pairs[16];
///     ashlar::memory_side_cache caches[4];
///     ashlar::memory_performance performance{pairs, caches};
///     (void)performance.add({.initiator = 0, .memory = 0, .read_latency = 80'000, .write_latency = 80'000});
///     (void)performance.add({.initiator = 0, .memory = 1, .read_latency = 250'000});
///     performance.between(0, 1).read_latency;      // 250'000 ps
///     performance.between(1, 0).read_latency;      // 0: nobody said
///     performance.nearest_initiator(1, nodes);     // 0
class memory_performance {
 public:
    constexpr memory_performance() noexcept = default;
    constexpr memory_performance(view<access_performance> pairs, view<memory_side_cache> caches) noexcept
        : pairs_(pairs), caches_(caches) {}
    template <std::size_t Pairs, std::size_t Caches>
    constexpr memory_performance(access_performance (&pairs)[Pairs],
                                 memory_side_cache (&caches)[Caches]) noexcept
        : pairs_(pairs), caches_(caches) {}
    memory_performance(const memory_performance&) = delete;
    memory_performance& operator=(const memory_performance&) = delete;

    /// Every pair of which something is known, in the order of telling.
    [[nodiscard]] constexpr view<const access_performance> pairs() const noexcept {
        return {pairs_.data(), pair_count_};
    }
    [[nodiscard]] constexpr view<const memory_side_cache> caches() const noexcept {
        return {caches_.data(), cache_count_};
    }

    /// What is known of this way; without figures if nothing is.
    [[nodiscard]] constexpr access_performance between(node_id initiator, node_id memory) const noexcept {
        for (const access_performance& known : pairs()) {
            if (known.initiator == initiator && known.memory == memory) return known;
        }
        access_performance unknown;
        unknown.initiator = initiator;
        unknown.memory = memory;
        return unknown;
    }

    /// Adds the figures that were not known before. `invalid` without two nodes, `limit` if the array is
    /// full.
    constexpr errc add(const access_performance& said) noexcept {
        if (said.initiator >= max_nodes || said.memory >= max_nodes) return errc::invalid;
        for (std::size_t i = 0; i < pair_count_; ++i) {
            access_performance& known = pairs_[i];
            if (known.initiator != said.initiator || known.memory != said.memory) continue;
            if (known.read_latency == 0) known.read_latency = said.read_latency;
            if (known.write_latency == 0) known.write_latency = said.write_latency;
            if (known.read_bandwidth == 0) known.read_bandwidth = said.read_bandwidth;
            if (known.write_bandwidth == 0) known.write_bandwidth = said.write_bandwidth;
            known.unreachable = known.unreachable || said.unreachable;
            return errc::ok;
        }
        if (pair_count_ == pairs_.size()) return errc::limit;
        pairs_[pair_count_++] = said;
        return errc::ok;
    }

    /// The cache of this level in front of this memory, null if there is none.
    [[nodiscard]] constexpr const memory_side_cache* cache(node_id memory,
                                                           std::uint8_t level) const noexcept {
        for (const memory_side_cache& known : caches()) {
            if (known.memory == memory && known.level == level) return &known;
        }
        return nullptr;
    }

    /// Adds a cache, unless its level is known. `invalid` without a node, `limit` if the array is full.
    constexpr errc add(const memory_side_cache& said) noexcept {
        if (said.memory >= max_nodes) return errc::invalid;
        if (cache(said.memory, said.level) != nullptr) return errc::ok;
        if (cache_count_ == caches_.size()) return errc::limit;
        caches_[cache_count_++] = said;
        return errc::ok;
    }

    /// The initiator that the memory of a node is attached to by what firmware says, `any_node` if it does
    /// not say.
    [[nodiscard]] constexpr node_id attached_initiator(node_id memory) const noexcept {
        return memory < max_nodes ? static_cast<node_id>(attached_[memory] - 1) : any_node;
    }

    /// Says to which initiator the memory of a node is attached, unless that is known. `invalid` for nodes
    /// that cannot be.
    constexpr errc attach(node_id memory, node_id initiator) noexcept {
        if (memory >= max_nodes || initiator >= max_nodes) return errc::invalid;
        if (attached_[memory] == 0) attached_[memory] = static_cast<node_id>(initiator + 1);
        return errc::ok;
    }

    /// From where the memory of a node is reached best: its attached initiator; else the initiator with the
    /// best figures that reaches it; else the nearest node with processors. Of equals the first one told, or
    /// the lowest node. `any_node` if nothing of this is known.
    [[nodiscard]] constexpr node_id nearest_initiator(node_id memory, const topology& nodes) const noexcept {
        if (attached_initiator(memory) != any_node) return attached_initiator(memory);
        const access_performance* best = nullptr;
        for (const access_performance& known : pairs()) {
            const bool reaches = known.memory == memory && !known.unreachable;
            if (reaches && (best == nullptr || known.better_than(*best))) best = &known;
        }
        return best != nullptr ? best->initiator : nearest_processors(memory, nodes);
    }

 private:
    [[nodiscard]] static constexpr node_id nearest_processors(node_id memory,
                                                              const topology& nodes) noexcept {
        node_id nearest = any_node;
        unsigned distance = unreachable_distance;
        for (unsigned id = 0; id < nodes.node_count(); ++id) {
            const auto node = static_cast<node_id>(id);
            if (nodes.cpus(node) == 0 || nodes.distance(node, memory) >= distance) continue;
            nearest = node;
            distance = nodes.distance(node, memory);
        }
        return nearest;
    }

    view<access_performance> pairs_;
    view<memory_side_cache> caches_;
    std::size_t pair_count_ = 0;
    std::size_t cache_count_ = 0;
    node_id attached_[max_nodes]{};  ///< one more than the node; 0: nobody said
};

}  // namespace ashlar
