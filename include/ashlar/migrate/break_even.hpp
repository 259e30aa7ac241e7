// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <limits>

namespace ashlar {

/// How accesses find a frame that was remapped.
enum class remap_back_end : std::uint8_t {
    consult,  ///< each access asks the table: every access pays, whether its frame is remapped or not
    repoint,  ///< a page table or memory slot is changed: each move pays, accesses nothing
};

/// What the two back ends cost, both in one unit (picoseconds, cycles), as measured where they run.
struct remap_costs {
    std::uint64_t lookup = 0;   ///< of one access: a look-up, mostly of a frame that is not remapped
    std::uint64_t repoint = 0;  ///< of one move: holding writers, changing the mapping, flushing TLBs
};

/// How many accesses, to all frames together, a move has to be followed by so that re-pointing costs no more
/// than consulting. Those accesses are counted until the next move. The most that can be said where a look-up
/// is free. Pure; any context.
///
/// ```
/// // a look-up of 3 ns, a re-point of 10 us: from 3,334 accesses a move on
/// static_assert(ashlar::break_even({.lookup = 3'000, .repoint = 10'000'000}) == 3'334);
/// ```
[[nodiscard]] constexpr std::uint64_t break_even(remap_costs costs) noexcept {
    if (costs.repoint == 0) return 0;
    if (costs.lookup == 0) return std::numeric_limits<std::uint64_t>::max();
    return costs.repoint / costs.lookup + (costs.repoint % costs.lookup != 0 ? 1 : 0);
}

/// Which back end costs less, for so many accesses between two moves. Pure; any context.
[[nodiscard]] constexpr remap_back_end cheaper_back_end(remap_costs costs,
                                                        std::uint64_t accesses_a_move) noexcept {
    return accesses_a_move >= break_even(costs) ? remap_back_end::repoint : remap_back_end::consult;
}

}  // namespace ashlar
