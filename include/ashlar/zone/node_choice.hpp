// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <ashlar/core/request.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// Yields the nodes of a set in turn, for `request::node` (Linux MPOL_INTERLEAVE). An empty set yields
/// `any_node`. Any context; calls from several CPUs share the turn (one relaxed fetch_add).
///
/// ```
/// ashlar::interleave<ashlar::platform> next({.bits = 0b1011});
/// auto page = ram.allocate({.node = next()});     // nodes 0, 1, 3, 0, ...
/// ```
template <class Platform = platform>
class interleave {
 public:
    constexpr interleave() noexcept = default;
    constexpr explicit interleave(node_set nodes) noexcept : nodes_(nodes) {}

    [[nodiscard]] constexpr node_id operator()() noexcept {
        const auto count = static_cast<std::uint32_t>(std::popcount(nodes_.bits));
        if (count == 0) return any_node;
        std::uint32_t turn = turn_.fetch_add(1, memory_order::relaxed) % count;
        std::uint64_t rest = nodes_.bits;
        for (; turn > 0; --turn) rest &= rest - 1;
        return static_cast<node_id>(std::countr_zero(rest));
    }

 private:
    node_set nodes_{};
    typename Platform::template atomic<std::uint32_t> turn_{};
};

}  // namespace ashlar
