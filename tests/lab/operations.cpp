// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "lab/trace/operation.hpp"

namespace {

using lab::operation;
using lab::operation_list;
using lab::trace_event;
using action = trace_event::action;

trace_event allocation(std::uint64_t frame, unsigned order, std::uint32_t cpu = 0) {
    trace_event event;
    event.frame = frame;
    event.order = static_cast<std::uint8_t>(order);
    event.cpu = cpu;
    return event;
}

trace_event release(std::uint64_t frame, unsigned order, std::uint32_t cpu = 0) {
    trace_event event = allocation(frame, order, cpu);
    event.what = action::free;
    return event;
}

TEST_CASE("a block that is allocated and freed") {
    const operation_list list = lab::make_operations({allocation(0x100, 2, 1), release(0x100, 2, 3)});
    REQUIRE(list.steps.size() == 2);
    CHECK(list.steps[0].what == action::allocate);
    CHECK(list.steps[0].order == 2);
    CHECK(list.steps[0].cpu == 1);
    CHECK(list.steps[1].what == action::free);
    CHECK(list.steps[1].slot == list.steps[0].slot);
    CHECK(list.steps[1].offset == 0);
    CHECK(list.steps[1].order == 2);
    CHECK(list.steps[1].cpu == 3);
    CHECK(list.slots == 1);
    CHECK(list.peak_frames == 4);
    CHECK(list.left_frames == 0);
    CHECK(list.clean_up.empty());
}

TEST_CASE("a block that is freed in pieces") {
    const operation_list list = lab::make_operations(
        {allocation(0x100, 3), release(0x106, 1), release(0x100, 0), release(0x101, 0), release(0x102, 1)});
    REQUIRE(list.steps.size() == 5);
    CHECK(list.steps[1].offset == 6);
    CHECK(list.steps[1].order == 1);
    CHECK(list.steps[4].offset == 2);
    CHECK(list.left_frames == 2);
    REQUIRE(list.clean_up.size() == 1);
    CHECK(list.clean_up[0].offset == 4);
    CHECK(list.clean_up[0].order == 1);
}

TEST_CASE("a free of several blocks") {
    const operation_list list =
        lab::make_operations({allocation(0x102, 0), allocation(0x104, 2), release(0x100, 3)});
    REQUIRE(list.steps.size() == 4);
    CHECK(list.steps[2].slot == list.steps[0].slot);
    CHECK(list.steps[2].order == 0);
    CHECK(list.steps[3].slot == list.steps[1].slot);
    CHECK(list.steps[3].order == 2);
    CHECK(list.left_frames == 0);
}

TEST_CASE("a free of a frame that was never seen allocated is left out") {
    const operation_list list = lab::make_operations({release(0x1, 0), allocation(0x2, 0), release(0x4, 2)});
    CHECK(list.steps.size() == 1);
    CHECK(list.foreign_frees == 2);
}

TEST_CASE("an allocation of a frame that is live: a free got lost") {
    const operation_list list = lab::make_operations({allocation(0x100, 2), allocation(0x101, 0)});
    REQUIRE(list.steps.size() == 3);
    CHECK(list.lost_frees == 1);
    CHECK(list.steps[1].what == action::free);
    CHECK(list.steps[1].offset == 1);
    CHECK(list.left_frames == 4);
    CHECK(list.peak_frames == 4);
}

TEST_CASE("each step has the time of its event") {
    std::vector<trace_event> events{release(0x1, 0), allocation(0x102, 0), allocation(0x104, 2),
                                    release(0x100, 3)};
    for (std::size_t i = 0; i < events.size(); ++i) events[i].time_us = 10 * i;
    CHECK(lab::make_operations(events).times_us == std::vector<std::uint64_t>{10, 20, 30, 30});
}

TEST_CASE("slots are used again") {
    std::vector<trace_event> events;
    for (int i = 0; i < 100; ++i) {
        events.push_back(allocation(0x100, 0));
        events.push_back(release(0x100, 0));
    }
    CHECK(lab::make_operations(events).slots == 1);
}

/// Plays the steps and checks that each is possible: a slot is allocated when it is unused, and frees are
/// aligned pieces of its block that are still held.
class player {
 public:
    void play(const std::vector<operation>& steps) {
        for (const operation& step : steps) {
            const std::uint64_t size = std::uint64_t{1} << step.order;
            std::set<std::uint64_t>& held = held_[step.slot];
            if (step.what == action::allocate) {
                CHECK(held.empty());
                for (std::uint64_t i = 0; i < size; ++i) held.insert(i);
                frames_ += size;
                peak_ = std::max(peak_, frames_);
            } else {
                CHECK(step.offset % size == 0);
                for (std::uint64_t i = 0; i < size; ++i) CHECK(held.erase(step.offset + i) == 1);
                frames_ -= size;
            }
        }
    }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }
    [[nodiscard]] std::uint64_t peak() const { return peak_; }

 private:
    std::map<std::uint32_t, std::set<std::uint64_t>> held_;
    std::uint64_t frames_ = 0;
    std::uint64_t peak_ = 0;
};

TEST_CASE("any events become steps that are possible") {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<trace_event> events;
        std::set<std::uint64_t> live;  // what the events say, frame by frame
        for (int i = 0; i < 200; ++i) {
            const unsigned order = random() % 4;
            const std::uint64_t size = std::uint64_t{1} << order;
            std::uint64_t frame = 8 + random() % 60;
            // Misaligned ones too in every other round: a trace may be damaged.
            if (round % 2 == 0) frame -= frame % size;
            const bool allocates = random() % 2 == 0;
            events.push_back(allocates ? allocation(frame, order) : release(frame, order));
            for (std::uint64_t f = frame; f < frame + size; ++f) {
                if (allocates) {
                    live.insert(f);
                } else {
                    live.erase(f);
                }
            }
        }
        const operation_list list = lab::make_operations(events);
        player played;
        played.play(list.steps);
        CHECK(played.frames() == live.size());
        CHECK(played.frames() == list.left_frames);
        CHECK(played.peak() == list.peak_frames);
        played.play(list.clean_up);
        CHECK(played.frames() == 0);
    }
}

}  // namespace
