// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each step of a move fails once: the origin is where it was, the spare is free, and the next move succeeds.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

constexpr range<os> origins{{0x800}, 3};

/// What fails, at its nth call from the beginning of the move on.
enum class part { table, path, copy, fence };

template <class Protection>
void fail_each(part what, bool restoring, bool mapped) {
    rig<Protection> r({.spares = {.ordinary = 16, .mirrored = 0}});
    unsigned failures = 0;
    for (int nth = 1; nth < 200; ++nth) {
        for (unsigned i = 0; i < 3; ++i) r.fill(r.table.translate(origins.first + i), i);
        if ((mapped || restoring) && nth == 1) REQUIRE(r.mover.migrate(origins) == errc::ok);
        const auto before = r.take();
        const int ended = r.devices.begun;
        if (what == part::table) r.table.refuse_at = nth;
        if (what == part::path) r.path.fail_at = nth;
        if (what == part::copy) array_platform<>::fail_copy_at = nth;
        if (what == part::fence) r.devices.answer = nth == 1 ? errc::busy : errc::ok;
        const errc answer = restoring ? r.mover.restore(origins) : r.mover.migrate(origins);
        const move_report told = r.mover.report();
        const bool is_done = answer == errc::ok;
        r.table.refuse_at = 0;
        r.table.refused_calls = 1;
        r.path.fail_at = 0;
        array_platform<>::fail_copy_at = 0;
        r.devices.answer = errc::ok;

        CHECK(told.error == answer);
        CHECK(r.devices.open == 0);
        CHECK(r.devices.begun == ended + 1);
        CHECK(!r.mover.is_moving());
        CHECK(r.book.count(spare_state::claimed) == 0);
        CHECK(array_platform<>::last_defect == errc::ok);
        for (unsigned i = 0; i < 3; ++i) CHECK(r.reads(origins.first + i, i));
        const std::byte one{1};  // nothing is left held
        const std::byte as_it_was = r.pattern(0, 0);
        CHECK(r.access.write(origins.first.number * 4096, {&one, 1}) == errc::ok);
        CHECK(r.access.write(origins.first.number * 4096, {&as_it_was, 1}) == errc::ok);
        if (is_done) {
            CHECK(told.obstacle == move_obstacle::none);
            break;
        }
        ++failures;
        CHECK(r.take() == before);
        const move_obstacle expected = what == part::table  ? move_obstacle::table
                                       : what == part::path ? move_obstacle::path
                                       : what == part::copy ? move_obstacle::copy_engine
                                                            : move_obstacle::device;
        CHECK(told.obstacle == expected);
        const auto state = mapped || restoring ? origin_state::remapped : origin_state::direct;
        CHECK(r.mover.state_of(origins.first) == state);
    }
    // Once for each call that there is: an entry or a pointing each frame, the start (and the stop), a copy
    // each frame or stride.
    CHECK(failures >= (what == part::fence ? 1 : 3));
    CHECK(failures < 100);
    REQUIRE(r.pool.validate() == errc::ok);
    CHECK((restoring ? r.mover.migrate(origins) : r.mover.restore(origins)) == errc::ok);
}

TEST_CASE_TEMPLATE("each step fails once, and everything is as before", Protection, trap_and_retry,
                   copy_cursor<24>, dirty_recopy<>) {
    for (const part what : {part::table, part::path, part::copy, part::fence}) {
        fail_each<Protection>(what, false, false);
        fail_each<Protection>(what, false, true);
        fail_each<Protection>(what, true, false);
    }
}

TEST_CASE("a range of which some frames were moved before fails, and those stay where they were") {
    rig<> r({.spares = {.ordinary = 16, .mirrored = 0}});
    for (std::uint64_t i = 0; i < 4; ++i) r.fill({0x800 + i}, static_cast<unsigned>(i));
    REQUIRE(r.mover.migrate(frame<os>{0x801}) == errc::ok);
    REQUIRE(r.mover.migrate(frame<os>{0x803}) == errc::ok);
    for (int nth = 1; nth <= 4; ++nth) {
        const auto before = r.take();
        r.table.refuse_at = nth;
        CHECK(r.mover.migrate(range<os>{{0x800}, 4}) == errc::limit);
        r.table.refuse_at = 0;
        r.table.refused_calls = 1;
        CHECK(r.take() == before);
        r.path.fail_at = nth + 1;
        CHECK(r.mover.migrate(range<os>{{0x800}, 4}) == errc::busy);
        r.path.fail_at = 0;
        CHECK(r.take() == before);
    }
    CHECK(r.mover.restore(range<os>{{0x800}, 4}) == errc::not_owned);  // two are not in spares
    CHECK(r.mover.migrate(range<os>{{0x800}, 4}) == errc::ok);
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(r.reads({0x800 + i}, static_cast<unsigned>(i)));
}

TEST_CASE("a table that cannot be put back as it was is told to the platform, and no byte is lost") {
    rig<> r({.spares = {.ordinary = 4, .mirrored = 0}});
    for (unsigned i = 0; i < 2; ++i) r.fill({0x800 + i}, i);
    r.table.refuse_at = 2;  // the second entry, and then that the first one is erased
    r.table.refused_calls = 2;
    CHECK(r.mover.migrate(range<os>{{0x800}, 2}) == errc::limit);
    CHECK(array_platform<>::last_defect == errc::busy);
    CHECK(r.mover.state_of({0x800}) == origin_state::remapped);
    CHECK(r.mover.state_of({0x801}) == origin_state::direct);
    CHECK(*r.book.origin_of({0x3ffc}) == frame<os>{0x800});
    CHECK(r.pool.free_frames() == 3);
    for (unsigned i = 0; i < 2; ++i) CHECK(r.reads({0x800 + i}, i));
    CHECK(r.mover.restore(frame<os>{0x800}) == errc::ok);
    CHECK(r.pool.free_frames() == 4);
}

/// A range whose spares the book does not know.
TEST_CASE("a pool with frames that are no spares") {
    rig<> r({.spares = {.ordinary = 8, .mirrored = 0}});
    std::vector<std::uint64_t> few(2);
    spare_book book(r.spares, {few.data(), few.size()});
    rig<>::engine_type mover(r.table, r.pool, r.path, r.told, book, r.lost, recorded_fence{&r.devices});
    CHECK(mover.migrate(range<os>{{0x800}, 2}) == errc::ok);
    CHECK(mover.migrate(frame<os>{0x900}) == errc::corrupt);
    CHECK(mover.report().obstacle == move_obstacle::pool);
    CHECK(r.pool.free_frames() == 6);
    CHECK(r.devices.open == 0);
}

}  // namespace
