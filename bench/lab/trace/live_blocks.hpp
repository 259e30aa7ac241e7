// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace lab {

/// Which frames of the traced machine are allocated, and what they belong to: disjoint pieces by first frame.
class live_blocks {
 public:
    struct piece {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        std::uint32_t slot = 0;
        std::uint64_t block = 0;  ///< first frame of the block that it was allocated in
    };

    /// No frame of the piece is live.
    void add(const piece& added) { pieces_.emplace_hint(pieces_.end(), added.first, added); }

    /// Takes out what is live of [first, first + count), ascending; pieces that lie across its ends are
    /// split.
    [[nodiscard]] std::vector<piece> take(std::uint64_t first, std::uint64_t count) {
        std::vector<piece> taken;
        const std::uint64_t end = first + count;
        auto at = pieces_.lower_bound(first);
        if (at != pieces_.begin()) {
            const auto before = std::prev(at);
            if (before->second.first + before->second.count > first) at = before;
        }
        while (at != pieces_.end() && at->second.first < end) {
            const piece whole = at->second;
            at = pieces_.erase(at);
            const std::uint64_t whole_end = whole.first + whole.count;
            const std::uint64_t low = whole.first < first ? first : whole.first;
            const std::uint64_t high = whole_end > end ? end : whole_end;
            if (whole.first < low) pieces_.emplace(whole.first, part(whole, whole.first, low));
            if (high < whole_end) pieces_.emplace(high, part(whole, high, whole_end));
            taken.push_back(part(whole, low, high));
        }
        return taken;
    }

    /// Calls `sink(piece)` for all that is live, ascending.
    template <class Sink>
    void for_each(Sink&& sink) const {
        for (const auto& [first, live] : pieces_) sink(live);
    }

 private:
    [[nodiscard]] static piece part(const piece& of, std::uint64_t first, std::uint64_t end) {
        return {first, end - first, of.slot, of.block};
    }

    std::map<std::uint64_t, piece> pieces_;
};

}  // namespace lab
