// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/trace/operation.hpp"

#include <algorithm>
#include <bit>

#include "lab/trace/live_blocks.hpp"

namespace lab {
namespace {

/// Gives each allocation a slot and each free the slot of what it frees.
class resolver {
 public:
    explicit resolver(std::size_t events) {
        list_.steps.reserve(events);
        list_.times_us.reserve(events);
    }

    void play(const trace_event& event) {
        if (event.what == trace_event::action::allocate) {
            allocate(event);
        } else {
            free(event);
        }
        // An event may be several steps, or none.
        list_.times_us.resize(list_.steps.size(), event.time_us);
    }

    [[nodiscard]] operation_list finish() {
        list_.left_frames = frames_;
        live_.for_each([&](const live_blocks::piece& left) { free(left, 0, list_.clean_up); });
        list_.slots = frames_of_slot_.size();
        return std::move(list_);
    }

 private:
    void allocate(const trace_event& event) {
        const std::uint64_t count = std::uint64_t{1} << event.order;
        // Events get lost when a buffer of the tracer overflows.
        for (const live_blocks::piece& stale : live_.take(event.frame, count)) {
            ++list_.lost_frees;
            free(stale, event.cpu, list_.steps);
        }
        const std::uint32_t slot = new_slot(count);
        live_.add({event.frame, count, slot, event.frame});
        list_.steps.push_back({slot, 0, static_cast<std::uint16_t>(event.cpu), event.order,
                               trace_event::action::allocate, event.mobility, event.kernel});
        frames_ += count;
        list_.peak_frames = std::max(list_.peak_frames, frames_);
    }

    void free(const trace_event& event) {
        const auto pieces = live_.take(event.frame, std::uint64_t{1} << event.order);
        if (pieces.empty()) ++list_.foreign_frees;
        for (const live_blocks::piece& each : pieces) free(each, event.cpu, list_.steps);
    }

    [[nodiscard]] std::uint32_t new_slot(std::uint64_t count) {
        if (unused_.empty()) {
            frames_of_slot_.push_back(count);
            return static_cast<std::uint32_t>(frames_of_slot_.size() - 1);
        }
        const std::uint32_t slot = unused_.back();
        unused_.pop_back();
        frames_of_slot_[slot] = count;
        return slot;
    }

    /// As naturally aligned blocks, relative to the block that they were part of.
    void free(const live_blocks::piece& freed, std::uint32_t cpu, std::vector<operation>& into) {
        const std::uint64_t end = freed.first - freed.block + freed.count;
        for (std::uint64_t offset = freed.first - freed.block; offset < end;) {
            const int largest = static_cast<int>(std::bit_width(end - offset)) - 1;
            const int order = offset == 0 ? largest : std::min(largest, std::countr_zero(offset));
            into.push_back({freed.slot, static_cast<std::uint32_t>(offset), static_cast<std::uint16_t>(cpu),
                            static_cast<std::uint8_t>(order), trace_event::action::free});
            offset += std::uint64_t{1} << order;
        }
        frames_ -= freed.count;
        std::uint64_t& left = frames_of_slot_[freed.slot];
        left -= freed.count;
        if (left == 0) unused_.push_back(freed.slot);
    }

    operation_list list_;
    live_blocks live_;
    std::vector<std::uint64_t> frames_of_slot_;
    std::vector<std::uint32_t> unused_;
    std::uint64_t frames_ = 0;
};

}  // namespace

operation_list make_operations(const std::vector<trace_event>& events) {
    resolver resolve(events.size());
    for (const trace_event& event : events) resolve.play(event);
    return resolve.finish();
}

}  // namespace lab
