// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of `cpu_rows` over the shipped radix_buddy on two lines of two rows
// of two frames: CPUs with a slot each, and CPUs that share one.
#include <doctest/doctest.h>

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using exclusive_rows = world<cpu_rows<radix_buddy<own_cpu, tiny>, rows_shape{.frames_per_cpu = 1}>, 8>;
using shared_rows = world<
    cpu_rows<radix_buddy<one_cpu, tiny>, rows_shape{.contract = slot_contract::shared, .frames_per_cpu = 1}>,
    8>;

using roomy_shared_rows = world<
    cpu_rows<radix_buddy<one_cpu, tiny>, rows_shape{.contract = slot_contract::shared, .frames_per_cpu = 1}>,
    16>;

TEST_CASE("a slot per CPU: two take, one line each") {
    exclusive_rows w;
    run("exclusive: take order 0, take order 0", w, {take(w, 0), take(w, 0)}, nobody_exhausted);
}
TEST_CASE("a slot per CPU: take and give against take and give") {
    exclusive_rows w;
    run("exclusive: take and give, take and give", w, {take_and_give(w, 0), take_and_give(w, 0)},
        nobody_exhausted);
}
TEST_CASE("a slot per CPU: frees of one row by two CPUs merge when they drain") {
    exclusive_rows w;
    w.hold({{8}, 2});
    w.hand_over({{8}, 2});
    run("exclusive: give 8 and drain, give 9 and drain", w, {drained(w, give(w, 8)), drained(w, give(w, 9))},
        [&](const std::vector<outcome>& results) {
            if (w.memory.held_frames() != 0) return std::string("left in a slot");
            return all_served(results);
        });
}
TEST_CASE("a slot per CPU: a row to allocate from and one of pending frees, drained") {
    exclusive_rows w;
    lend(w, {{8}, 1});
    lend(w, {{10}, 1});
    lend(w, {{12}, 1});
    const auto give_all = drained(w, one_then(one_then(give(w, 8), give(w, 10)), give(w, 12)));
    run("exclusive: give 8, 10, 12 and drain, take and give and drain", w,
        {give_all, drained(w, take_and_give(w, 0))}, [&](const std::vector<outcome>& results) {
            if (w.memory.held_frames() != 0) return std::string("left in a slot");
            return frees_succeed(results);
        });
}
TEST_CASE("a slot per CPU: three CPUs, two rows") {
    exclusive_rows w;
    w.hold({{8}, 1});
    w.hand_over({{8}, 1});
    run("exclusive: take, take, give 8", w, {take(w, 0), take(w, 0), give(w, 8)}, frees_succeed);
}
TEST_CASE("a slot per CPU: a block larger than a row against a row") {
    exclusive_rows w;
    run("exclusive: take order 2, take and give order 0", w, {take(w, 2), take_and_give(w, 0)},
        frees_succeed);
}
TEST_CASE("a slot per CPU: the range leaves while another CPU takes and gives") {
    exclusive_rows w;
    run("exclusive: isolate and offline, take and give", w, {leave(w), take_and_give(w, 0)}, frees_succeed);
}
TEST_CASE("a slot per CPU: a frame by number against its row") {
    exclusive_rows w;
    run("exclusive: allocate_at 8, take and give", w, {take_this(w, 8), take_and_give(w, 0)}, frees_succeed);
}

TEST_CASE("a shared slot: who does not get it uses the source") {
    shared_rows w;
    run("shared: take order 0, take order 0", w, {take(w, 0), take(w, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: take and give against take and give") {
    shared_rows w;
    run("shared: take and give, take and give", w, {take_and_give(w, 0), take_and_give(w, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: frees of one row, one pending, one past the lock") {
    shared_rows w;
    w.hold({{8}, 2});
    w.hand_over({{8}, 2});
    run("shared: give 8 and drain, give 9 and drain", w, {drained(w, give(w, 8)), drained(w, give(w, 9))},
        all_served);
}
/// A row to allocate from, and one frame pending in a row that is not beside those of frames 16 and beyond.
void fill_slot(roomy_shared_rows& w) {
    w.hold({{12}, 12});
    const auto first = w.memory.allocate({});
    REQUIRE(first);
    w.held_at_start |= mask_of({*first, 1});
    REQUIRE(w.memory.free({12}, 0) == errc::ok);
    w.hand_over({{12}, 1});
    REQUIRE(w.memory.held_frames() == 4);
}
TEST_CASE("a shared slot: a lone free past it against a take") {
    roomy_shared_rows w;
    fill_slot(w);
    w.hand_over({{16}, 1});
    run("shared, filled: give 16, take", w, {give(w, 16), take(w, 0)}, nobody_exhausted);
}
TEST_CASE("a shared slot: lone frees of one row past it, and into it") {
    roomy_shared_rows w;
    fill_slot(w);
    w.hand_over({{16}, 2});
    run("shared, filled: give 16 and drain, give 17 and drain", w,
        {drained(w, give(w, 16)), drained(w, give(w, 17))}, all_served);
}
TEST_CASE("a shared slot: the last frame of a line past it merges with what a drain gives") {
    roomy_shared_rows w;
    fill_slot(w);
    REQUIRE(w.memory.inner().free({17}, 0) == errc::ok);
    REQUIRE(w.memory.inner().free({18}, 1) == errc::ok);
    w.hand_over({{16}, 4});
    run("shared, filled: give 16, drain and take order 2", w,
        {give(w, 16), one_then(drained(w, take_and_give(w, 0)), take(w, 2))}, frees_succeed);
}
/// Windows of two lines.
using shared_windows = world<
    cpu_rows<radix_buddy<one_cpu, tiny>, rows_shape{.contract = slot_contract::shared, .frames_per_cpu = 1}>,
    256>;

/// A line of window 16 to allocate from, line 8 pending, and the window of line 24 beside neither.
void fill_slot_with_lines(shared_windows& w) {
    w.hold({{8}, 8});
    w.hold({{24}, 16});
    const auto first = w.memory.allocate({.order = 2});
    REQUIRE(first);
    w.held_at_start |= mask_of(block(*first, 2));
    REQUIRE(w.memory.free({8}, 2) == errc::ok);
    w.hand_over({{8}, 4});
    REQUIRE(w.memory.held_frames() == 8);
}
TEST_CASE("a shared slot: a lone line past it against a take") {
    shared_windows w;
    fill_slot_with_lines(w);
    w.hand_over({{32}, 4});
    run("shared, filled with lines: give 32, take order 2", w, {give(w, 32, 2), take(w, 2)},
        nobody_exhausted);
}
TEST_CASE("a shared slot: lines of one window past it, and into it") {
    shared_windows w;
    fill_slot_with_lines(w);
    w.hand_over({{32}, 8});
    run("shared, filled with lines: give 32, give 36 and drain", w,
        {give(w, 32, 2), drained(w, give(w, 36, 2))}, all_served);
}
TEST_CASE("a shared slot: a line past it, its buddy through it, both in one block") {
    shared_windows w;
    fill_slot_with_lines(w);
    w.hand_over({{32}, 8});
    run("shared, filled with lines: give 32, give 36 and drain and take order 3", w,
        {give(w, 32, 2), one_then(drained(w, give(w, 36, 2)), take(w, 3))}, frees_succeed);
}
TEST_CASE("a shared slot: give against take") {
    shared_rows w;
    w.hold({{8}, 4});
    w.hand_over({{8}, 1});
    run("shared: give 8, take", w, {give(w, 8), take(w, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: a frame by number, and a drain") {
    shared_rows w;
    run("shared: allocate_at 8, take and give", w, {take_this(w, 8), take_and_give(w, 0)}, anything);
}

}  // namespace
