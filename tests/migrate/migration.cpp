// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/migration.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

constexpr frame<os> origin{0x800};
constexpr frame<machine> home{0x800};
constexpr std::uint64_t first_spare = 0x3c00;
using policies = std::tuple<trap_and_retry, copy_cursor<16>, dirty_recopy<>>;

TEST_CASE("whoever calls from inside a call is told, and nothing is changed") {
    rig<> r;
    auto& mover = r.mover;
    r.fill(home, 1);
    unsigned calls = 0;
    r.devices.inside = [&] {
        ++calls;
        CHECK(mover.begin({origin, 1}) == errc::busy);
        CHECK(mover.begin_restore({origin, 1}) == errc::busy);
        CHECK(mover.step(64).error() == errc::busy);
        CHECK(mover.commit() == errc::busy);
        CHECK(mover.abort() == errc::busy);
        CHECK(mover.poison({first_spare + 1}) == errc::busy);
        CHECK(mover.adopt(origin) == errc::busy);
    };
    REQUIRE(mover.migrate(origin) == errc::ok);
    CHECK(calls == 1);
    CHECK(mover.state_of(origin) == origin_state::remapped);
    CHECK(r.state(first_spare + 1) == spare_state::free);
    CHECK(r.reads(origin, 1));
    CHECK(mover.adopt(origin) == errc::busy);  // its spare is in use
}

TEST_CASE_TEMPLATE("states of an origin and of spares, to be seen at each step", Protection, trap_and_retry,
                   copy_cursor<16>, dirty_recopy<>) {
    rig<Protection> r;
    auto& mover = r.mover;
    r.fill(home, 1);
    CHECK(mover.state_of(origin) == origin_state::direct);
    CHECK(r.state(first_spare) == spare_state::free);
    CHECK(mover.step(64).error() == errc::invalid);
    CHECK(mover.commit() == errc::invalid);
    CHECK(mover.abort() == errc::invalid);

    REQUIRE(mover.begin({origin, 1}) == errc::ok);
    CHECK(mover.is_moving());
    CHECK(mover.state_of(origin) == origin_state::copying);
    CHECK(mover.state_of({0x801}) == origin_state::direct);
    CHECK(r.state(first_spare) == spare_state::claimed);
    CHECK(r.devices.open == 1);
    CHECK(mover.commit() == errc::invalid);  // not all is copied
    CHECK(!r.table.find(origin));            // never a mapping to what is copied in part

    unsigned steps = 0;
    while (*mover.step(1024) == move_progress::more) {
        CHECK(!r.table.find(origin));
        CHECK(r.reads(origin, 1));
        REQUIRE(++steps < 100);
    }
    CHECK(steps >= 3);
    REQUIRE(mover.commit() == errc::ok);
    CHECK(!mover.is_moving());
    CHECK(mover.state_of(origin) == origin_state::remapped);
    CHECK(r.state(first_spare) == spare_state::active);
    CHECK(*r.book.origin_of({first_spare}) == origin);
    CHECK(mover.report().error == errc::ok);
    CHECK(mover.report().copied_lines == 64);
    CHECK(r.devices.open == 0);
    CHECK(r.devices.outcome == errc::ok);
    r.fill(home, 9);  // what failed is not read any more
    CHECK(r.reads(origin, 1));

    // Moved again: the entry is rewritten, the old spare is free.
    REQUIRE(mover.migrate(origin) == errc::ok);
    CHECK(r.table.find(origin)->number == first_spare + 1);
    CHECK(r.table.size() == 1);
    CHECK(r.state(first_spare) == spare_state::free);
    CHECK(r.state(first_spare + 1) == spare_state::active);
    r.fill({first_spare}, 8);
    CHECK(r.reads(origin, 1));
    // Or poisoned, and then nobody is given it again.
    REQUIRE(mover.migrate(origin, {.poison_old = true}) == errc::ok);
    CHECK(r.table.find(origin)->number == first_spare);
    CHECK(r.state(first_spare + 1) == spare_state::poisoned);
    CHECK(r.pool.free_frames() == 1022);
    REQUIRE(mover.migrate(frame<os>{0x900}) == errc::ok);
    CHECK(r.table.find({0x900})->number == first_spare + 2);
    CHECK(!r.pool.owns({first_spare + 1}));

    // The repaired frame takes its bytes back.
    REQUIRE(mover.begin_restore({origin, 1}) == errc::ok);
    CHECK(mover.state_of(origin) == origin_state::copying);
    while (*mover.step(1024) == move_progress::more) CHECK(r.reads(origin, 1));
    REQUIRE(mover.commit() == errc::ok);
    CHECK(mover.state_of(origin) == origin_state::direct);
    CHECK(r.state(first_spare) == spare_state::free);
    r.fill({first_spare}, 7);
    CHECK(r.reads(origin, 1));
    CHECK(r.table.size() == 1);
    CHECK(mover.restore(origin) == errc::not_owned);
    CHECK(mover.report().obstacle == move_obstacle::not_remapped);
    CHECK(r.pool.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("given up at any point: all is as before", Protection, trap_and_retry, copy_cursor<16>,
                   copy_cursor<24>, dirty_recopy<>) {
    rig<Protection> r;
    for (const bool again : {false, true}) {
        for (std::uint64_t steps = 0; steps <= 12; ++steps) {
            r.fill(*r.table.find(origin) == frame<machine>{} ? home : *r.table.find(origin), 1);
            const auto before = r.take();
            REQUIRE(r.mover.begin({origin, 3}) == errc::ok);
            for (std::uint64_t i = 0; i < steps; ++i) (void)*r.mover.step(1024);
            // A write of the system, where the protection lets it through, is not lost by giving up.
            const std::byte one{0x5a};
            const errc written = r.access.write(origin.number * 4096 + 100, {&one, 1});
            CHECK((written == errc::ok || written == errc::busy));
            REQUIRE(r.mover.abort() == errc::ok);
            CHECK(r.mover.report().obstacle == move_obstacle::given_up);
            CHECK(r.take() == before);
            CHECK(r.devices.open == 0);
            CHECK(r.devices.outcome == errc::busy);
            CHECK(r.mover.state_of(origin) == (again ? origin_state::remapped : origin_state::direct));
            std::byte got{};
            REQUIRE(r.access.read(origin.number * 4096 + 100, {&got, 1}) == errc::ok);
            CHECK(got == (written == errc::ok ? one : r.pattern(1, 100)));
            REQUIRE(r.access.write(origin.number * 4096 + 100, {&one, 1}) == errc::ok);
            CHECK(r.byte(r.table.translate(origin), 100) == one);
        }
        REQUIRE(r.mover.migrate({origin, 3}) == errc::ok);
    }
}

TEST_CASE_TEMPLATE("a range moves into spares in a row, or not at all", Protection, trap_and_retry,
                   copy_cursor<16>, dirty_recopy<>) {
    rig<Protection> r;
    for (std::uint64_t i = 0; i < 40; ++i) r.fill({0x800 + i}, static_cast<unsigned>(i));
    REQUIRE(r.mover.migrate(range<os>{origin, 40}) == errc::ok);
    const frame<machine> target = r.mover.report().move.target;
    for (std::uint64_t i = 0; i < 40; ++i) {
        CHECK(*r.table.find(origin + i) == target + i);
        CHECK(r.reads(origin + i, static_cast<unsigned>(i)));
    }
    CHECK(r.pool.free_frames() == 1024 - 40);
    // A part of it, and some more: those that were moved move again.
    REQUIRE(r.mover.migrate(range<os>{{0x820}, 16}) == errc::ok);
    CHECK(r.table.size() == 48);
    CHECK(r.pool.free_frames() == 1024 - 48);
    CHECK(r.reads({0x827}, 0x27));
    REQUIRE(r.mover.restore(range<os>{origin, 48}) == errc::ok);
    CHECK(r.pool.free_frames() == 1024);
    CHECK(r.table.size() == 0);
    for (std::uint64_t i = 0; i < 40; ++i) CHECK(r.reads(origin + i, static_cast<unsigned>(i)));
    CHECK(r.pool.validate() == errc::ok);
}

/// Refused for the reason, and nothing has changed.
template <class Rig>
void refused(Rig& r, range<os> origins, errc why, move_obstacle obstacle) {
    const auto before = r.take();
    CHECK(r.mover.migrate(origins) == why);
    CHECK(r.mover.report().error == why);
    CHECK(r.mover.report().obstacle == obstacle);
    CHECK(r.take() == before);
    CHECK(r.devices.open == 0);
    CHECK(!r.mover.is_moving());
}

TEST_CASE("refused: nothing changes, and the report says why") {
    rig<> r({.nodes = 2,
             .mirrored_bytes = mebibyte,
             .spares = {.ordinary = 8, .mirrored = 1},
             .table_capacity = 12});
    refused(r, {origin, 0}, errc::invalid, move_obstacle::empty);
    refused(r, {{~std::uint64_t{0}}, 2}, errc::invalid, move_obstacle::empty);
    refused(r, {{0x1ff8}, 1}, errc::not_owned, move_obstacle::not_usable);  // a spare
    refused(r, {{0x1ff7}, 2}, errc::not_owned, move_obstacle::not_usable);
    refused(r, {{0x5000}, 1}, errc::not_owned, move_obstacle::not_usable);  // no memory
    refused(r, {{0xfe}, 2}, errc::not_owned, move_obstacle::not_usable);    // the mirrored spare
    refused(r, {{0x800}, 13}, errc::limit, move_obstacle::table_full);
    refused(r, {{0x800}, 9}, errc::exhausted, move_obstacle::no_contiguous_run);  // eight on each node
    refused(r, {{0x800}, 1 << 10}, errc::limit, move_obstacle::table_full);
    r.devices.answer = errc::busy;
    refused(r, {origin, 1}, errc::busy, move_obstacle::device);
    r.devices.answer = errc::ok;

    // Two in a row are there as long as not every other one is used.
    for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(r.mover.migrate(frame<os>{0x900 + i}) == errc::ok);
    for (std::uint64_t i = 0; i < 8; i += 2) REQUIRE(r.mover.restore(frame<os>{0x900 + i}) == errc::ok);
    REQUIRE(r.mover.migrate(range<os>{{0x1800}, 8}) == errc::ok);  // the other node's
    CHECK(r.table.size() == 12);
    refused(r, {{0x800}, 1}, errc::limit, move_obstacle::table_full);
    REQUIRE(r.mover.restore(frame<os>{0x901}) == errc::ok);
    REQUIRE(r.mover.restore(frame<os>{0x905}) == errc::ok);
    CHECK(r.mover.migrate(range<os>{{0x800}, 3}) == errc::limit);
    CHECK(r.mover.migrate(range<os>{{0x800}, 2}) == errc::ok);
}

TEST_CASE("spares that are too few and spares that are not in a row are told apart") {
    rig<> r({.spares = {.ordinary = 8, .mirrored = 0}});
    refused(r, {origin, 9}, errc::exhausted, move_obstacle::spares_exhausted);
    for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(r.mover.migrate(frame<os>{0x900 + i}) == errc::ok);
    refused(r, {origin, 1}, errc::exhausted, move_obstacle::spares_exhausted);
    for (std::uint64_t i = 0; i < 8; i += 2) REQUIRE(r.mover.restore(frame<os>{0x900 + i}) == errc::ok);
    refused(r, {origin, 2}, errc::exhausted, move_obstacle::no_contiguous_run);
    CHECK(r.mover.migrate(origin) == errc::ok);
}

TEST_CASE("a range lies in memory of one kind") {
    rig<> r({.nodes = 2, .mirrored_bytes = mebibyte, .spares = {.ordinary = 8, .mirrored = 0}});
    refused(r, {{0xff}, 2}, errc::misaligned, move_obstacle::several_classes);
}

TEST_CASE("one move at a time") {
    rig<> r;
    REQUIRE(r.mover.begin({origin, 2}) == errc::ok);
    const move_report before = r.mover.report();
    CHECK(r.mover.begin({{0x801}, 4}) == errc::busy);  // overlaps
    CHECK(r.mover.begin({{0x900}, 1}) == errc::busy);  // does not
    CHECK(r.mover.migrate(frame<os>{0x900}) == errc::busy);
    CHECK(r.mover.begin_restore({{0x900}, 1}) == errc::busy);
    CHECK(r.mover.report().move == before.move);
    CHECK(r.devices.begun == 1);
    REQUIRE(r.mover.abort() == errc::ok);
    CHECK(r.mover.migrate(frame<os>{0x801}) == errc::ok);
}

TEST_CASE("poisoned spares leave the pool") {
    rig<> r({.spares = {.ordinary = 4, .mirrored = 0}});
    CHECK(r.mover.poison({0x800}) == errc::not_owned);
    CHECK(r.mover.poison({0x3ffc}) == errc::ok);
    CHECK(r.mover.poison({0x3ffc}) == errc::revoked);
    CHECK(r.state(0x3ffc) == spare_state::poisoned);
    CHECK(r.pool.free_frames() == 3);
    REQUIRE(r.mover.migrate(origin) == errc::ok);
    CHECK(r.table.find(origin)->number == 0x3ffd);
    CHECK(r.mover.poison({0x3ffd}) == errc::busy);
    CHECK(r.state(0x3ffd) == spare_state::active);
    // A machine check names the spare; the book knows the origin.
    const auto owner = r.book.origin_of({0x3ffd});
    REQUIRE(owner.has_value());
    REQUIRE(r.mover.migrate(*owner, {.poison_old = true}) == errc::ok);
    CHECK(r.book.count(spare_state::poisoned) == 2);
    CHECK(r.book.count(spare_state::free) == 1);
    CHECK(r.book.count(spare_state::active) == 1);
    CHECK(r.book.origin_of({0x3ffd}).error() == errc::not_owned);
    CHECK(r.book.origin_of({0x800}).error() == errc::not_owned);  // no spare
    CHECK(!r.mover.admits({0x3ffc}));  // poisoned, and not the system's all the same
    std::vector<std::uint64_t> retired;
    r.mover.for_each_retired([&](frame<machine> f) { retired.push_back(f.number); });
    CHECK(retired == std::vector<std::uint64_t>{0x800, 0x3ffc, 0x3ffd});
    REQUIRE(r.mover.restore(origin, {.poison_old = true}) == errc::ok);
    CHECK(r.state(0x3ffe) == spare_state::poisoned);
    CHECK(r.pool.free_frames() == 1);
}

TEST_CASE("what a table has from before a start is taken over") {
    rig<> r;
    r.fill({first_spare + 5}, 3);
    REQUIRE(r.table.assign(origin, {first_spare + 5}) == errc::ok);  // as its image was loaded
    REQUIRE(r.table.assign({0x900}, {0x901}) == errc::ok);           // damaged: no spare
    REQUIRE(r.table.assign({0xa00}, {first_spare + 5}) == errc::ok);
    CHECK(r.mover.adopt({0x700}) == errc::invalid);
    CHECK(r.mover.adopt({0x900}) == errc::not_owned);
    CHECK(r.mover.adopt(origin) == errc::ok);
    CHECK(r.mover.adopt(origin) == errc::busy);
    CHECK(r.mover.adopt({0xa00}) == errc::busy);  // two origins in one place
    REQUIRE(r.table.assign({0xb00}, {first_spare + 6}) == errc::ok);
    REQUIRE(r.mover.poison({first_spare + 6}) == errc::ok);
    CHECK(r.mover.adopt({0xb00}) == errc::busy);  // it failed since
    CHECK(r.state(first_spare + 6) == spare_state::poisoned);
    REQUIRE(r.table.assign({0xc00}, {first_spare + 7}) == errc::ok);
    REQUIRE(r.pool.allocate_at({{first_spare + 7}, 1}) == errc::ok);
    CHECK(r.mover.adopt({0xc00}) != errc::ok);  // free in the book, and somebody has it
    CHECK(r.state(first_spare + 7) == spare_state::free);
    REQUIRE(r.pool.free({first_spare + 7}, 0) == errc::ok);
    CHECK(r.state(first_spare + 5) == spare_state::active);
    CHECK(r.pool.free_frames() == 1022);
    REQUIRE(r.mover.restore(origin) == errc::ok);
    CHECK(r.reads(origin, 3));
    CHECK(r.pool.free_frames() == 1023);
}

TEST_CASE("with a cursor writes go on but for the lines that are copied") {
    rig<copy_cursor<16>> r;
    r.fill(home, 1);
    REQUIRE(r.mover.begin({origin, 1}) == errc::ok);
    REQUIRE(*r.mover.step(2048) == move_progress::more);  // lines 0 to 31 are in the copy
    const std::byte a{0xa1};
    const std::byte b{0xb2};
    REQUIRE(r.access.write(0x800000 + 5, {&a, 1}) == errc::ok);
    REQUIRE(r.access.write(0x800000 + 3000, {&b, 1}) == errc::ok);
    CHECK(r.byte({first_spare}, 5) == a);
    CHECK(r.byte(home, 5) == r.pattern(1, 5));
    CHECK(r.byte(home, 3000) == b);
    // Across the cursor: a piece in each place.
    std::vector<std::byte> across(100, std::byte{0xcc});
    REQUIRE(r.access.write(0x800000 + 2000, {across.data(), across.size()}) == errc::ok);
    CHECK(r.byte({first_spare}, 2047) == std::byte{0xcc});
    CHECK(r.byte(home, 2048) == std::byte{0xcc});
    CHECK(r.byte(home, 2047) == r.pattern(1, 2047));
    std::vector<std::byte> read(100);
    REQUIRE(r.access.read(0x800000 + 2000, {read.data(), read.size()}) == errc::ok);
    CHECK(read == across);
    while (*r.mover.step(1) == move_progress::more) {
    }
    REQUIRE(r.mover.commit() == errc::ok);
    CHECK(r.byte({first_spare}, 5) == a);
    CHECK(r.byte({first_spare}, 3000) == b);
    CHECK(r.byte({first_spare}, 2048) == std::byte{0xcc});
}

TEST_CASE("what is written after it was copied is copied again") {
    rig<dirty_recopy<>> r;
    r.fill(home, 1);
    REQUIRE(r.mover.begin({origin, 1}) == errc::ok);
    REQUIRE(*r.mover.step(2048) == move_progress::more);
    const std::byte a{0xa1};
    REQUIRE(r.access.write(0x800000 + 5, {&a, 1}) == errc::ok);
    CHECK(r.byte(home, 5) == a);
    while (*r.mover.step(512) == move_progress::more) {
    }
    CHECK(r.mover.report().recopied_lines == 1);
    const std::byte b{0xb2};
    REQUIRE(r.access.write(0x800000 + 4095, {&b, 1}) == errc::ok);  // after the last round
    REQUIRE(r.mover.commit() == errc::ok);
    CHECK(r.mover.report().recopied_lines == 2);
    CHECK(r.byte({first_spare}, 5) == a);
    CHECK(r.byte({first_spare}, 4095) == b);
    // More frames than there are dirty bits for.
    const auto before = r.take();
    CHECK(r.mover.migrate(range<os>{origin, 65}) == errc::limit);
    CHECK(r.mover.report().obstacle == move_obstacle::path);
    CHECK(r.take() == before);
}

TEST_CASE("rounds end when little is written, or after so many") {
    rig<dirty_recopy<3, 2>> r;
    REQUIRE(r.mover.begin({origin, 1}) == errc::ok);
    REQUIRE(*r.mover.step(4096) == move_progress::more);
    unsigned steps = 0;
    for (;; ++steps) {
        for (std::uint64_t line = 0; line < 8; ++line) {
            const std::byte one{1};
            REQUIRE(r.access.write(0x800000 + line * 64, {&one, 1}) == errc::ok);
        }
        if (*r.mover.step(64 * 11) == move_progress::ready) break;
        REQUIRE(steps < 20);
    }
    CHECK(r.mover.report().recopied_lines >= 16);
    REQUIRE(r.mover.commit() == errc::ok);
    CHECK(r.mover.report().recopied_lines <= 8 * 4);
}

TEST_CASE("trapped writes are repeated, reads go on") {
    rig<> r;
    r.fill(home, 1);
    REQUIRE(r.mover.begin({origin, 1}) == errc::ok);
    const std::byte one{0x77};
    CHECK(r.access.write(0x800010, {&one, 1}) == errc::busy);
    CHECK(r.byte(home, 16) == r.pattern(1, 16));
    CHECK(r.access.write(0x801010, {&one, 1}) == errc::ok);  // another frame's
    CHECK(r.reads(origin, 1));
    while (*r.mover.step(1) == move_progress::more) {
    }
    CHECK(r.access.write(0x800010, {&one, 1}) == errc::busy);
    REQUIRE(r.mover.commit() == errc::ok);
    CHECK(r.access.write(0x800010, {&one, 1}) == errc::ok);
    CHECK(r.byte({first_spare}, 16) == one);
}

TEST_CASE("a write that is trapped in its second frame has written the first") {
    rig<> r;
    REQUIRE(r.mover.begin({{0x801}, 1}) == errc::ok);
    std::vector<std::byte> data(200, std::byte{0x11});
    CHECK(r.access.write(0x800fa0, {data.data(), data.size()}) == errc::busy);
    CHECK(r.byte(home, 0xfff) == std::byte{0x11});
    REQUIRE(r.mover.abort() == errc::ok);
    CHECK(r.access.write(0x800fa0, {data.data(), data.size()}) == errc::ok);
    CHECK(r.byte({0x801}, 103) == std::byte{0x11});
    const auto ignore = [](std::byte*, std::uint64_t, std::uint64_t) {};
    CHECK(r.access.visit(origin, {4090, 7}, access_kind::read, ignore) == errc::invalid);
    CHECK(r.access.visit(origin, {5000, 0}, access_kind::read, ignore) == errc::invalid);
    CHECK(r.access.visit(origin, {4090, 6}, access_kind::read, ignore) == errc::ok);
}

TEST_CASE("where nothing remaps an access is the access") {
    rig<> r;
    using direct = direct_access<array_platform<>>;
    const std::byte some[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
    std::byte got[3] = {};
    REQUIRE(direct::write(0x800fff, some) == errc::ok);
    REQUIRE(direct::read(0x800fff, got) == errc::ok);
    CHECK(got[2] == std::byte{3});
    CHECK(r.byte({0x801}, 1) == std::byte{3});
    const auto ignore = [](std::byte*, std::uint64_t, std::uint64_t) {};
    CHECK(direct::visit(origin, {4096, 1}, access_kind::read, ignore) == errc::invalid);
    CHECK(direct::visit(origin, {5000, 1}, access_kind::read, ignore) == errc::invalid);
}

}  // namespace
