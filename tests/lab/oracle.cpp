// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The placement that knows when each block will be freed.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "lab/machine/machine.hpp"
#include "lab/replay/judge.hpp"
#include "lab/replay/lifetimes.hpp"
#include "lab/replay/oracle.hpp"
#include "lab/replay/replay_input.hpp"
#include "lab/trace/operation.hpp"

namespace {

using lab::trace_event;
using action = trace_event::action;

trace_event event(action what, std::uint64_t frame, unsigned order = 0) {
    trace_event made;
    made.what = what;
    made.frame = frame;
    made.order = static_cast<std::uint8_t>(order);
    return made;
}

/// Keeps the share of whole blocks after each step, and that a step is told once.
class watcher final : public lab::judge {
 public:
    explicit watcher(const lab::replay_input& input) : judge("oracle", input) {}
    void stepped() override { shares.push_back(blocks().whole_share()); }
    std::vector<double> shares;
};

TEST_CASE("the end of a block is the free of its last part") {
    const lab::operation_list list = lab::make_operations(
        {event(action::allocate, 0x100, 1), event(action::allocate, 0x200), event(action::free, 0x101),
         event(action::free, 0x200), event(action::free, 0x100), event(action::allocate, 0x300)});
    REQUIRE(list.steps.size() == 6);
    CHECK(lab::ends_of_life(list) == std::vector<std::size_t>{4, 3, 0, 0, 0, lab::for_ever});
}

TEST_CASE("what ends together lies together") {
    // Frames that stay and frames that go, in turn: 512 of each. Who takes the next one breaks two pageblocks
    // for ever; who knows, one.
    std::vector<trace_event> events;
    for (std::uint64_t i = 0; i < 1024; ++i) events.push_back(event(action::allocate, 0x1000 + i));
    for (std::uint64_t i = 0; i < 1024; i += 2) events.push_back(event(action::free, 0x1000 + i));
    const lab::operation_list list = lab::make_operations(events);
    const lab::machine four_blocks = lab::plain_machine(2048);
    const lab::replay_input input = lab::make_replay_input(list, four_blocks);
    watcher watching(input);
    lab::show_oracle(input, watching);
    REQUIRE(watching.shares.size() == 1536);
    CHECK(watching.shares[1023] == 1);
    // The others are half free.
    CHECK(watching.shares[1279] == doctest::Approx(1024.0 / 1280));
    CHECK(watching.shares.back() == 1);
    const lab::figures told = lab::oracle_figures(input);
    CHECK(told.oracle);
    CHECK(told.composition == "oracle");
    CHECK(told.whole_blocks_share == 1);
    CHECK(told.failures == 0);
}

TEST_CASE("large blocks take pageblocks side by side, and what does not fit fails") {
    const lab::operation_list list =
        lab::make_operations({event(action::allocate, 0x1, 0), event(action::allocate, 0x400, 10),
                              event(action::allocate, 0x800, 10), event(action::allocate, 0x200, 9),
                              event(action::allocate, 0xc00, 9), event(action::free, 0x400, 10),
                              event(action::allocate, 0x400, 10)});
    const lab::machine four_blocks = lab::plain_machine(2048);
    const lab::replay_input input = lab::make_replay_input(list, four_blocks);
    watcher watching(input);
    lab::show_oracle(input, watching);
    // Three pageblocks are free beside the frame: a pair, and one. The second pair and the second single one
    // fail.
    CHECK(watching.verdict().failures == 2);
    CHECK(watching.blocks().free_frames() == 511);
}

TEST_CASE("any trace: no frame twice, and all of it back") {
    std::mt19937 random(1);
    for (int round = 0; round < 20; ++round) {
        std::vector<trace_event> events;
        for (int i = 0; i < 2000; ++i) {
            const auto order = static_cast<unsigned>(random() % 16 == 0 ? random() % 11 : random() % 3);
            const std::uint64_t frame = (random() % 4096) >> order << order;
            events.push_back(event(random() % 2 == 0 ? action::allocate : action::free, 4096 + frame, order));
        }
        lab::operation_list list = lab::make_operations(events);
        list.steps.insert(list.steps.end(), list.clean_up.begin(), list.clean_up.end());
        const lab::machine on = lab::plain_machine(6144);
        const lab::replay_input input = lab::make_replay_input(list, on);
        watcher watching(input);  // says so when a frame is handed out that is not free
        lab::show_oracle(input, watching);
        CHECK(watching.blocks().free_frames() == 6144);
        CHECK(watching.blocks().whole_share() == 1);
    }
}

}  // namespace
