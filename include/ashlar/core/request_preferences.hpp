// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <cstdint>

namespace ashlar::detail {

/// What a request prefers, packed for two registers; its requirements travel beside it, as numbers. Paths
/// that are rarely taken get a request like this: in memory it would be stored before it is known whether
/// they are needed, and field by field it does not fit the registers.
class request_preferences {
 public:
    template <class Space>
    constexpr explicit request_preferences(const request<Space>& of) noexcept
        : order_and_effort_(std::uint64_t{of.effort} << 32 | of.order),
          others_(static_cast<std::uint64_t>(of.mobility) << 32 |
                  static_cast<std::uint64_t>(of.mirror) << 24 | std::uint64_t{of.urgent} << 16 | of.node) {}

    [[nodiscard]] constexpr unsigned order() const noexcept {
        return static_cast<unsigned>(order_and_effort_ & 0xffff'ffff);
    }
    /// The request again: `nodes` are the bits of the set, `below` is the number of the frame.
    template <class Space>
    [[nodiscard]] constexpr request<Space> with(std::uint64_t nodes, std::uint64_t below) const noexcept {
        return {.order = order(),
                .node = static_cast<node_id>(others_ & 0xffff),
                .nodes = {nodes},
                .below = {below},
                .mirror = static_cast<mirror>(others_ >> 24 & 0xff),
                .mobility = static_cast<mobility>(others_ >> 32 & 0xff),
                .urgent = (others_ >> 16 & 1) != 0,
                .effort = static_cast<std::uint32_t>(order_and_effort_ >> 32)};
    }

 private:
    std::uint64_t order_and_effort_;
    std::uint64_t others_;
};

}  // namespace ashlar::detail
