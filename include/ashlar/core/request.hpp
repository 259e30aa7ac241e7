// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <cstdint>

namespace ashlar {

/// A NUMA node by dense id (firmware's proximity domains are mapped to these by `topology`).
using node_id = std::uint16_t;

/// "No node named": the caller's own node is nearest.
inline constexpr node_id any_node = 0xffff;

/// More nodes than this are refused with `errc::limit` by whatever reads them.
inline constexpr unsigned max_nodes = 64;

/// A set of nodes. The default is every node.
struct node_set {
    std::uint64_t bits = ~std::uint64_t{0};

    [[nodiscard]] static constexpr node_set all() noexcept { return {}; }
    [[nodiscard]] static constexpr node_set only(node_id node) noexcept {
        return {node < max_nodes ? std::uint64_t{1} << node : 0};
    }
    [[nodiscard]] constexpr bool contains(node_id node) const noexcept {
        return node < max_nodes && ((bits >> node) & 1) != 0;
    }
    [[nodiscard]] constexpr bool is_all() const noexcept { return bits == ~std::uint64_t{0}; }
    [[nodiscard]] friend constexpr node_set operator|(node_set a, node_set b) noexcept {
        return {a.bits | b.bits};
    }
    [[nodiscard]] friend constexpr bool operator==(node_set, node_set) noexcept = default;
};

/// What a request wants of mirrored memory (CN104252419; Linux kernelcore=mirror, openEuler mem_reliable).
enum class mirror : std::uint8_t {
    unspecified,  ///< the default in force decides
    ordinary,     ///< ordinary memory; mirrored only where the composition allows it as a last resort
    preferred,    ///< mirrored memory first, then ordinary
    required,     ///< mirrored memory or an error
};

/// Whether the contents can be moved later (Linux migratetypes). A preference: it groups blocks, no more.
enum class mobility : std::uint8_t { unmovable, movable, reclaimable };

/// No bound on the search.
inline constexpr std::uint32_t unbounded_effort = ~std::uint32_t{0};

/// What to allocate: 2^order frames, naturally aligned. Written with designated initialisers; the order of
/// the fields is part of the interface. `nodes`, `below` and `mirror::required` are requirements: a type that
/// cannot judge one answers `errc::unsupported`. The rest are preferences: a type that cannot judge one
/// ignores it.
template <class Space = machine>
struct request {
    using space = Space;

    unsigned order = 0;
    node_id node = any_node;               ///< nearest to this node first
    node_set nodes = {};                   ///< only from these nodes
    frame<Space> below = no_limit<Space>;  ///< the whole block lies below this frame
    ashlar::mirror mirror = mirror::unspecified;
    ashlar::mobility mobility = mobility::unmovable;
    bool urgent = false;                      ///< may use the emergency reserve
    std::uint32_t effort = unbounded_effort;  ///< at most so many pageblocks are searched, then `limit`
};

}  // namespace ashlar
