// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// Where spares come from: a machine (`physical_memory`) that was booted from the map that `carve_spares`
/// filled. See there, and `frame_source` for the verbs.
template <class P>
concept spare_pool = std::same_as<typename P::space, machine> &&
    requires(P pool, const P constant, request<machine> one, contiguous_request<machine> run,
             frame<machine> spare, range<machine> spares, unsigned order) {
    { pool.allocate(one) } -> std::same_as<result<frame<machine>>>;
    { pool.allocate_contiguous(run) } -> std::same_as<result<range<machine>>>;
    { pool.free(spare, order) } -> std::same_as<errc>;
    { pool.allocate_at(spares) } -> std::same_as<errc>;
    { pool.revoke(spares) } -> std::same_as<result<std::uint64_t>>;
    { constant.free_frames() } -> std::same_as<std::uint64_t>;
    { constant.zone_of(spare)->mirrored } -> std::convertible_to<bool>;
};

}  // namespace ashlar
