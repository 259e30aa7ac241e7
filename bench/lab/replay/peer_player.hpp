// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>

#include "lab/replay/player.hpp"
#include "lab/replay/replay_input.hpp"
#include "peer/load_peer.hpp"

namespace lab {

/// Replays a trace on an allocator behind the interface of peers. A peer knows neither zones nor nodes nor
/// mirrored memory: all whole pageblocks of the machine (2^9 frames) are one range to it, in the order of
/// their addresses, and its share of nodes and mirrored memory is what chance gives it. A block that the
/// trace frees in parts is freed when the last part is. Both references have to outlive the player. Throws
/// `failure`.
[[nodiscard]] std::unique_ptr<player> make_peer_player(const bench::peer_library& library,
                                                       const replay_input& input);

}  // namespace lab
