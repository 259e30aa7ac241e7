// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/left_blocks.hpp"

namespace lab {

left_blocks::left_blocks(const operation_list& trace, const std::vector<std::uint64_t>& slots,
                         observer& watch)
    : watch_(watch) {
    std::vector<bool> movable(trace.slots);
    for (const operation& step : trace.steps) {
        if (step.what != trace_event::action::allocate) continue;
        movable[step.slot] = step.mobility == ashlar::mobility::movable;
    }
    for (const operation& step : trace.clean_up) {
        if (slots[step.slot] == no_frame) continue;
        pieces_[slots[step.slot] + step.offset] = {step.order, movable[step.slot]};
        if (step.order > largest_order_) largest_order_ = step.order;
    }
}

ashlar::result<ashlar::used_block<>> left_blocks::block_of(ashlar::frame<> f) const noexcept {
    for (unsigned order = 0; order <= largest_order_; ++order) {
        const std::uint64_t first = f.number >> order << order;
        const auto found = pieces_.find(first);
        if (found == pieces_.end() || f.number - first >= std::uint64_t{1} << found->second.order) continue;
        if (!found->second.movable) return ashlar::errc::busy;
        return ashlar::used_block<>{{first}, found->second.order};
    }
    return ashlar::errc::not_owned;
}

ashlar::errc left_blocks::move(ashlar::frame<> from, ashlar::frame<> to, unsigned order) noexcept {
    auto node = pieces_.extract(from.number);
    if (node.empty()) return ashlar::errc::busy;
    node.key() = to.number;
    const bool movable = node.mapped().movable;
    pieces_.insert(std::move(node));
    watch_.moved(block(from, order), block(to, order), movable);
    return ashlar::errc::ok;
}

}  // namespace lab
