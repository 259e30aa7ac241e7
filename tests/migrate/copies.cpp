// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copy engines.
#include <doctest/doctest.h>

#include <ashlar/migrate/dma_copy.hpp>
#include <ashlar/migrate/streaming_copy.hpp>
#include <cstdint>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

TEST_CASE("stores past the caches copy what they are told, at any place") {
    rig<> r;
    const streaming_copy<array_platform<>> copy;
    static_assert(part_copier<streaming_copy<array_platform<>>>);
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{64}, std::uint64_t{3}}) {
        for (const std::uint64_t count :
             {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{64}, 4096 - offset}) {
            r.fill({1}, 1);
            r.fill({2}, 2);
            CHECK(copy({1}, {2}, {offset, count}) == copy_result{count, errc::ok});
            bool is_right = true;
            for (std::uint64_t i = 0; i < 4096; ++i) {
                const bool inside = i >= offset && i < offset + count;
                is_right = is_right && r.byte({2}, i) == r.pattern(inside ? 1 : 2, i);
            }
            CHECK(is_right);
        }
    }
    rig<trap_and_retry, array_platform<>, streaming_copy<array_platform<>>> whole;
    whole.fill({0x800}, 7);
    REQUIRE(whole.mover.migrate(frame<os>{0x800}) == errc::ok);
    whole.fill({0x800}, 8);
    CHECK(whole.reads({0x800}, 7));
}

/// A channel that copies a line at each look.
struct slow_channel {
    frame<machine> from{};
    frame<machine> to{};
    frame_part part{};
    std::uint64_t done = 0;
    bool running = false;
    unsigned started = 0;
    unsigned stopped = 0;
    std::uint64_t fails_at = ~std::uint64_t{0};  ///< in bytes of a part
    errc error = errc::unreadable;
    bool refuses = false;

    errc start(frame<machine> source, frame<machine> target, frame_part what) noexcept {
        if (refuses) return errc::limit;
        CHECK(!running);
        ++started;
        from = source;
        to = target;
        part = what;
        done = 0;
        running = true;
        return errc::ok;
    }
    copy_result poll() noexcept {
        REQUIRE(running);
        if (done >= fails_at) {
            running = false;
            return {done, error};
        }
        std::byte* const memory = array_platform<>::memory;
        for (int i = 0; i < 64; ++i, ++done) {
            memory[to.number * 4096 + part.offset + done] = memory[from.number * 4096 + part.offset + done];
        }
        if (done < part.count) return {0, errc::busy};
        running = false;
        return {part.count, errc::ok};
    }
    void stop() noexcept {
        running = false;
        ++stopped;
    }
};
using by_dma = rig<trap_and_retry, array_platform<>, dma_copy<slow_channel>>;
static_assert(dma_engine<slow_channel> && part_copier<dma_copy<slow_channel>>);

TEST_CASE("what an engine has copied whole is done, also if less was asked for meanwhile") {
    const rig<trap_and_retry> memory;
    slow_channel channel;
    dma_copy copy(channel);
    const auto ask = [&](std::uint64_t count) { return copy({1}, {2}, {0, count}); };
    for (int i = 0; i < 3; ++i) CHECK(ask(256).error == errc::busy);
    const copy_result whole = ask(256);
    CHECK(whole.error == errc::ok);
    CHECK(whole.done == 256);
    for (int i = 0; i < 3; ++i) CHECK(ask(256).error == errc::busy);
    const copy_result part = ask(64);
    CHECK(part.error == errc::ok);
    CHECK(part.done == 64);
}

TEST_CASE("a DMA engine copies between steps, and nobody waits") {
    slow_channel channel;
    by_dma r({}, dma_copy(channel));
    r.fill({0x800}, 1);
    REQUIRE(r.mover.begin({{0x800}, 1}) == errc::ok);
    unsigned steps = 0;
    while (*r.mover.step(1024) == move_progress::more) REQUIRE(++steps < 200);
    CHECK(steps >= 63);
    CHECK(channel.started == 4);
    REQUIRE(r.mover.commit() == errc::ok);
    r.fill({0x800}, 2);
    CHECK(r.reads({0x800}, 1));
    CHECK(r.mover.report().copied_lines == 64);
    REQUIRE(r.mover.restore(frame<os>{0x800}) == errc::ok);
    CHECK(r.reads({0x800}, 1));
}

TEST_CASE("what was begun with another budget is used as far as it goes") {
    slow_channel channel;
    by_dma r({}, dma_copy(channel));
    r.fill({0x800}, 1);
    REQUIRE(r.mover.begin({{0x800}, 1}) == errc::ok);
    for (unsigned step = 0; *r.mover.step(step % 3 == 0 ? 64 * 5 : 64 * 40) == move_progress::more; ++step) {
        REQUIRE(step < 500);
    }
    REQUIRE(r.mover.commit() == errc::ok);
    r.fill({0x800}, 2);
    CHECK(r.reads({0x800}, 1));
}

TEST_CASE("a move that is given up stops the engine before the spare is free") {
    slow_channel channel;
    by_dma r({}, dma_copy(channel));
    REQUIRE(r.mover.begin({{0x800}, 1}) == errc::ok);
    REQUIRE(*r.mover.step(4096) == move_progress::more);
    CHECK(channel.running);
    REQUIRE(r.mover.abort() == errc::ok);
    CHECK(!channel.running);
    CHECK(channel.stopped == 1);
    CHECK(r.state(0x3c00) == spare_state::free);
}

TEST_CASE("errors of the engine, and of the memory that it reads") {
    slow_channel channel;
    by_dma r({}, dma_copy(channel));
    r.fill({0x800}, 1);
    channel.refuses = true;
    CHECK(r.mover.migrate(frame<os>{0x800}) == errc::limit);
    CHECK(r.mover.report().obstacle == move_obstacle::copy_engine);
    channel.refuses = false;
    channel.fails_at = 1024;
    channel.error = errc::corrupt;
    CHECK(r.mover.migrate(frame<os>{0x800}) == errc::corrupt);
    CHECK(r.mover.report().obstacle == move_obstacle::copy_engine);
    channel.error = errc::unreadable;
    CHECK(r.mover.migrate(frame<os>{0x800}) == errc::unreadable);
    CHECK(r.mover.report().obstacle == move_obstacle::source_unreadable);
    CHECK(r.mover.report().first_lost == 1024);
    CHECK(r.pool.free_frames() == 1024);
    CHECK(r.table.size() == 0);
}

/// The processor's, until it is told to fail.
struct failing_copy {
    const errc* answer;
    copy_result operator()(frame<machine> from, frame<machine> to, frame_part part) const noexcept {
        if (*answer != errc::ok) return {0, *answer};
        return cpu_part_copy<array_platform<>>{}(from, to, part);
    }
};

TEST_CASE("lines that cannot be copied again end the move, in its last step, too") {
    for (const bool is_ready : {false, true}) {
        errc answer = errc::ok;
        rig<dirty_recopy<>, array_platform<>, failing_copy> r({}, failing_copy{&answer});
        r.fill({0x800}, 1);
        REQUIRE(r.mover.begin({{0x800}, 1}) == errc::ok);
        REQUIRE(*r.mover.step(4096) == move_progress::more);
        if (is_ready) {
            while (*r.mover.step(512) == move_progress::more) {
            }
        }
        const std::byte written{0xa1};
        REQUIRE(r.access.write(0x800000 + 77, {&written, 1}) == errc::ok);
        answer = errc::corrupt;
        if (is_ready) {
            CHECK(r.mover.commit() == errc::corrupt);
        } else {
            CHECK(r.mover.step(4096).error() == errc::corrupt);
        }
        CHECK(r.mover.report().obstacle == move_obstacle::copy_engine);
        CHECK(r.pool.free_frames() == 1024);
        CHECK(r.table.size() == 0);
        CHECK(r.byte({0x800}, 77) == written);
        answer = errc::ok;
        REQUIRE(r.mover.migrate(frame<os>{0x800}) == errc::ok);
        CHECK(r.byte({0x3c00}, 77) == written);
    }
}

}  // namespace
