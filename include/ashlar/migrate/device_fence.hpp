// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <concepts>

namespace ashlar {

/// Who is told of moves because devices may use the frames by DMA, past every path that can be held.
///
/// - `begin(origins)`: devices stop using the frames, and none is under way when it returns `ok`; any other
///   answer (`busy` as a rule) is a veto: nothing moves, and `end` is not called.
/// - `end(origins, outcome)`: once for each `begin` that said `ok`, when the frames may be used again: `ok`
///   if they moved, else why they did not. An IOMMU is pointed at the new place here.
template <class F>
concept device_fence = requires(F fence, range<os> origins, errc outcome) {
    { fence.begin(origins) } -> std::same_as<errc>;
    fence.end(origins, outcome);
};

/// No device uses frames that move, or all of them go through what the path holds.
struct no_devices {
    static constexpr errc begin(range<os>) noexcept { return errc::ok; }
    static constexpr void end(range<os>, errc) noexcept {}
};

}  // namespace ashlar
