// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <concepts>
#include <cstddef>

namespace ashlar {

/// What holds writers back: `hold(part)`: from `ok` on no store reaches the part's memory, who stores waits
/// or tries again; `release(part, moved)`: they go on. `moved` says that the part has been mapped anew
/// meanwhile, for writing. Shipped: `userfault_writers` (Linux 5.19; also system calls and vCPUs wait) and
/// `signalled_writers` (any Linux).
template <class H>
concept writer_hold = requires(H writers, view<std::byte> part, bool moved) {
    { writers.hold(part) } -> std::same_as<errc>;
    { writers.release(part, moved) } -> std::same_as<void>;
};

}  // namespace ashlar
