// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

#include "lab/replay/figures.hpp"
#include "lab/replay/observer.hpp"
#include "lab/replay/replay_input.hpp"

namespace lab {

/// What it is called beside compositions and peers.
inline constexpr std::string_view oracle_name = "oracle";

/// Not an allocator: it places the blocks of a trace knowing when each of them will be freed, and shows what
/// that comes to. What is left of fragmentation then is what no placement without moving could avoid, about:
/// it decides block by block, and does not search for the best of all placements.
///
/// A block joins the pageblock where that wastes the least: frames times the time that they are of no use to
/// a larger block, because the pageblock is kept in use for the block's sake, or keeps a hole after it. It
/// takes one that is free if it would waste more than a third of what that does. What is still there at the
/// end of the trace is there for ever. It knows neither zones nor nodes nor mirrored memory: all whole
/// pageblocks of the machine are one range to it, as to a peer.
void show_oracle(const replay_input& input, observer& watch);

/// The figures that mean something: failures and whole blocks.
[[nodiscard]] figures oracle_figures(const replay_input& input);

}  // namespace lab
