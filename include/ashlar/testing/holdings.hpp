// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/source/blocks.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar::testing {

/// What a user of a source holds, as naturally aligned blocks of at most 2^top_order frames.
///
/// - Invariant: blocks do not overlap.
/// - Complexity: adding is linear in the blocks added, `remove` in the blocks held.
template <class Space = machine>
class holdings {
 public:
    /// A block of 2^order frames.
    struct piece {
        frame<Space> first{};
        unsigned order = 0;
    };

    explicit holdings(unsigned top_order) : top_order_(top_order) {}

    [[nodiscard]] bool empty() const { return pieces_.empty(); }
    [[nodiscard]] std::size_t size() const { return pieces_.size(); }
    [[nodiscard]] piece at(std::size_t index) const { return pieces_[index]; }
    void clear() { pieces_.clear(); }

    void add(range<Space> frames) {
        for_each_block(frames, top_order_, [&](frame<Space> f, unsigned order) {
            pieces_.push_back({f, order});
        });
    }
    /// Forgets the frames of the range; what blocks hold beside it stays, in smaller blocks at the end.
    void remove(range<Space> frames) {
        for (std::size_t i = 0; i < pieces_.size();) {
            const range<Space> held = block(pieces_[i].first, pieces_[i].order);
            if (!held.overlaps(frames)) {
                ++i;
                continue;
            }
            pieces_[i] = pieces_.back();
            pieces_.pop_back();
            add(range<Space>::between(held.first, frames.first));
            add(range<Space>::between(frames.end(), held.end()));
        }
    }
    /// As `remove`, for frames that lie in the block at `index`.
    void remove_from(std::size_t index, range<Space> frames) {
        const range<Space> held = block(pieces_[index].first, pieces_[index].order);
        pieces_[index] = pieces_.back();
        pieces_.pop_back();
        add(range<Space>::between(held.first, frames.first));
        add(range<Space>::between(frames.end(), held.end()));
    }
    /// Forgets every n-th block: what a crash of its holder loses.
    void lose_every(std::size_t n) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            if (i % n != 0) pieces_[kept++] = pieces_[i];
        }
        pieces_.resize(kept);
    }
    /// One flag a frame of `frames`: held or not.
    [[nodiscard]] std::vector<bool> flags(range<Space> frames) const {
        std::vector<bool> held(static_cast<std::size_t>(frames.count));
        for (const piece& each : pieces_) {
            const range<Space> inside = block(each.first, each.order).clipped_to(frames);
            for (std::uint64_t i = 0; i < inside.count; ++i) {
                held[static_cast<std::size_t>(inside.first.number + i - frames.first.number)] = true;
            }
        }
        return held;
    }

 private:
    unsigned top_order_;
    std::vector<piece> pieces_;
};

}  // namespace ashlar::testing
