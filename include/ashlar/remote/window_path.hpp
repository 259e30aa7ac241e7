// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// The way through a window, as whoever re-aims it needs it.
///
/// - `store_fence()`: stores of this CPU are on their way.
/// - `read_back(window)`: a load through the window, of any 8 bytes of it: it comes back behind all stores
///   that went the same way.
/// - `check_link()`: `ok` if the peer is there and is the one that was (a canary, see `link_guard`), else
///   `revoked`.
template <class P>
concept window_path = requires(P path, std::uint32_t window) {
    path.store_fence();
    { path.read_back(window) } -> std::same_as<std::uint64_t>;
    { path.check_link() } -> std::same_as<errc>;
};

}  // namespace ashlar
