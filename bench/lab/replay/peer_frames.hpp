// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <ashlar/core/frame.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "lab/machine/machine.hpp"
#include "lab/replay/block_usage.hpp"
#include "peer/peer_subject.hpp"

namespace lab {

/// Which frames of a machine those of a peer stand for. Which numbers its frames have is the peer's affair:
/// they are found out by taking all of them. Its pageblocks, by number, stand for the whole pageblocks of the
/// machine, by address.
class peer_frames {
 public:
    /// Throws `failure` if the machine has no whole pageblock, or the peer does not start.
    peer_frames(const bench::peer_library& library, const machine& on, unsigned cpus);

    /// How many the peer is given.
    [[nodiscard]] std::uint64_t count() const { return firsts_.size() << block_usage::block_order; }

    /// Calls `visit(range<>)` for each piece of a block of the peer. Throws `failure` if the peer hands out
    /// a frame that it did not have before.
    template <class Visit>
    void for_pieces(std::uint64_t first, std::uint64_t frames, Visit visit) const {
        constexpr std::uint64_t block_frames = block_usage::block_frames;
        for (const std::uint64_t end = first + frames; first < end;) {
            const std::uint64_t offset = first % block_frames;
            const std::uint64_t length = std::min(block_frames - offset, end - first);
            visit(ashlar::range<>{{first_of(first / block_frames) + offset}, length});
            first += length;
        }
    }

 private:
    /// The machine's first frame of a pageblock of the peer.
    [[nodiscard]] std::uint64_t first_of(std::uint64_t block) const;

    std::string name_;
    std::vector<std::uint64_t> firsts_;  ///< of the machine's whole pageblocks
    std::vector<std::uint64_t> blocks_;  ///< numbers of the peer's pageblocks, sorted
};

}  // namespace lab
