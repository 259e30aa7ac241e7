// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/migrate/compaction.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "lab/replay/observer.hpp"
#include "lab/trace/operation.hpp"

namespace lab {

/// What a trace leaves in use on a machine, and who moves it: a mover without bytes. What the trace calls
/// movable moves, the rest is pinned.
class left_blocks {
 public:
    using space = ashlar::machine;

    /// `slots`: where the replay put what is left.
    left_blocks(const operation_list& trace, const std::vector<std::uint64_t>& slots, observer& watch);

    /// Makes whole pageblocks out of what the trace left, zone by zone, and tells who watches.
    template <class Memory>
    void compact(Memory& ram) {
        std::vector<ashlar::range<>> zones;
        ram.for_each_zone(
            [&](const ashlar::zone_description& what, const auto&) { zones.push_back(what.span); });
        for (const ashlar::range<> span : zones) {
            std::vector<std::uint16_t> words(ashlar::compaction<Memory>::words(span));
            ashlar::compaction<Memory> whole(ram, span, {words.data(), words.size()});
            whole.survey();
            (void)whole.compact(*this);
        }
        watch_.compacted();
    }

    template <class Free>
    void free_all(Free free) const {
        for (const auto& [first, left] : pieces_) free(ashlar::frame<>{first}, left.order);
    }

    [[nodiscard]] ashlar::result<ashlar::used_block<>> block_of(ashlar::frame<> f) const noexcept;
    ashlar::errc move(ashlar::frame<> from, ashlar::frame<> to, unsigned order) noexcept;

 private:
    struct piece {
        unsigned order = 0;
        bool movable = false;
    };

    observer& watch_;
    std::unordered_map<std::uint64_t, piece> pieces_;
    unsigned largest_order_ = 0;
};

}  // namespace lab
