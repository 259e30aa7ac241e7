// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory errors in the source while it is copied.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

constexpr frame<os> origin{0x800};
constexpr frame<machine> home{0x800};
constexpr std::uint64_t address = 0x800000;
constexpr std::uint64_t line = 64;

template <class Rig>
errc read_at(Rig& r, std::uint64_t at, std::size_t count = 1) {
    std::vector<std::byte> into(count);
    return r.access.read(at, {into.data(), into.size()});
}
template <class Rig>
errc write_at(Rig& r, std::uint64_t at, std::size_t count) {
    const std::vector<std::byte> from(count, std::byte{0x5e});
    return r.access.write(at, {from.data(), from.size()});
}

TEST_CASE_TEMPLATE("a memory error ends the move, and nothing has changed", Protection, trap_and_retry,
                   copy_cursor<16>, dirty_recopy<>) {
    rig<Protection> r;
    r.fill(home, 1);
    array_platform<>::unreadable = {address + 4096 + 40 * line};
    const auto before = r.take();
    CHECK(r.mover.migrate(range<os>{origin, 3}) == errc::unreadable);
    CHECK(r.mover.report().obstacle == move_obstacle::source_unreadable);
    CHECK(r.mover.report().first_lost == 4096 + 40 * line);
    CHECK(r.mover.report().copied_lines == 64 + 40);
    CHECK(r.take() == before);
    CHECK(r.devices.outcome == errc::unreadable);
    CHECK(r.reads(origin, 1));
    CHECK(r.lost.empty());
}

TEST_CASE_TEMPLATE("the copied part is served, the rest is told", Protection, trap_and_retry, copy_cursor<16>,
                   dirty_recopy<>) {
    rig<Protection> r;
    for (std::uint64_t i = 0; i < 3; ++i) r.fill({0x800 + i}, static_cast<unsigned>(i));
    array_platform<>::unreadable = {address + 4096 + 40 * line, address + 4096 + 41 * line,
                                    address + 2 * 4096};
    REQUIRE(r.mover.migrate(range<os>{origin, 3}, {.serve_rest = true}) == errc::ok);
    CHECK(r.mover.report().lost_lines == 3);
    CHECK(r.mover.report().first_lost == 4096 + 40 * line);
    CHECK(r.mover.report().copied_lines == 3 * 64);
    std::vector<std::uint64_t> lost;
    r.lost.for_each([&](frame<os> f, std::uint64_t group, std::uint32_t mask) {
        for (unsigned bit = 0; bit < 32; ++bit) {
            if ((mask >> bit & 1) != 0) lost.push_back(f.number * 4096 + (group * 32 + bit) * line);
        }
    });
    CHECK(lost == std::vector<std::uint64_t>{address + 4096 + 40 * line, address + 4096 + 41 * line,
                                             address + 2 * 4096});

    CHECK(r.reads(origin, 0));
    CHECK(read_at(r, address + 4096 + 39 * line, line) == errc::ok);
    CHECK(read_at(r, address + 4096 + 42 * line - 1) == errc::unreadable);
    CHECK(read_at(r, address + 4096 + 40 * line - 1, 2) == errc::unreadable);
    CHECK(read_at(r, address + 4096 + 42 * line, line) == errc::ok);
    CHECK(read_at(r, address + 2 * 4096 - 1, 2) == errc::unreadable);

    // Part of a line written is no whole line; the next write is.
    CHECK(write_at(r, address + 4096 + 40 * line, line - 1) == errc::ok);
    CHECK(read_at(r, address + 4096 + 40 * line) == errc::unreadable);
    CHECK(write_at(r, address + 4096 + 40 * line - 1, line + 2) == errc::ok);
    CHECK(read_at(r, address + 4096 + 40 * line, line) == errc::ok);
    CHECK(read_at(r, address + 4096 + 41 * line) == errc::unreadable);

    // What is lost stays lost, wherever the frame moves.
    REQUIRE(r.mover.migrate(frame<os>{0x801}) == errc::ok);
    CHECK(read_at(r, address + 4096 + 40 * line, line) == errc::ok);
    CHECK(read_at(r, address + 4096 + 41 * line) == errc::unreadable);
    REQUIRE(r.mover.restore(frame<os>{0x801}) == errc::ok);
    CHECK(read_at(r, address + 4096 + 41 * line) == errc::unreadable);
    CHECK(write_at(r, address + 4096 + 41 * line, line) == errc::ok);
    CHECK(read_at(r, address + 4096 + 41 * line) == errc::ok);
}

TEST_CASE_TEMPLATE("what the move had found is forgotten if it is given up", Protection, trap_and_retry,
                   copy_cursor<16>, dirty_recopy<>) {
    rig<Protection> r;
    r.fill(home, 1);
    array_platform<>::unreadable = {address + 3 * line};
    REQUIRE(r.mover.migrate(origin, {.serve_rest = true}) == errc::ok);
    CHECK(read_at(r, address + 3 * line) == errc::unreadable);
    const frame<machine> spare = *r.table.find(origin);
    array_platform<>::unreadable = {spare.number * 4096 + 4 * line};
    REQUIRE(r.mover.begin({origin, 1}, {.serve_rest = true}) == errc::ok);
    REQUIRE(r.mover.step(2048).has_value());
    CHECK(r.mover.report().lost_lines == 1);
    // Below a cursor the copy is read, which has it not; else the source answers for itself.
    CHECK(read_at(r, address + 4 * line) == (Protection::splits ? errc::unreadable : errc::ok));
    REQUIRE(r.mover.abort() == errc::ok);
    CHECK(read_at(r, address + 4 * line) == errc::ok);  // the machine says so itself
    CHECK(read_at(r, address + 3 * line) == errc::unreadable);
    // Nothing was written over a line that cannot be read: it would look like one that can.
    CHECK(array_platform<>::unreadable.count(spare.number * 4096 + 4 * line) == 1);
}

TEST_CASE_TEMPLATE("more than can be remembered ends the move", Protection, trap_and_retry, copy_cursor<16>,
                   dirty_recopy<>) {
    rig<Protection> r({.lost_entries = 2});
    array_platform<>::unreadable = {address, address + 32 * line, address + 4096};
    const auto before = r.take();
    CHECK(r.mover.migrate(range<os>{origin, 2}, {.serve_rest = true}) == errc::limit);
    CHECK(r.mover.report().obstacle == move_obstacle::lost_lines_full);
    CHECK(r.take() == before);
    CHECK(read_at(r, address) == errc::ok);
    // Entries of which nothing is lost are used again.
    for (int i = 0; i < 5; ++i) {
        array_platform<>::unreadable = {r.table.translate(origin).number * 4096 + line};
        REQUIRE(r.mover.migrate(origin, {.serve_rest = true}) == errc::ok);
        CHECK(read_at(r, address + line) == errc::unreadable);
        array_platform<>::unreadable = {(0x900u + static_cast<unsigned>(i)) * 4096};
        REQUIRE(r.mover.migrate(frame<os>{0x900u + static_cast<unsigned>(i)}, {.serve_rest = true}) ==
                errc::ok);
        CHECK(read_at(r, (0x900u + static_cast<unsigned>(i)) * 4096) == errc::unreadable);
        CHECK(write_at(r, (0x900u + static_cast<unsigned>(i)) * 4096, line) == errc::ok);
        CHECK(write_at(r, address, 2 * line) == errc::ok);
        CHECK(read_at(r, address + line) == errc::ok);
    }
}

TEST_CASE("a line that was written while it could not be read is whole") {
    rig<dirty_recopy<>> r;
    r.fill(home, 1);
    array_platform<>::unreadable = {address + 2 * line, address + 3 * line};
    REQUIRE(r.mover.begin({origin, 1}, {.serve_rest = true}) == errc::ok);
    REQUIRE(*r.mover.step(2048) == move_progress::more);
    CHECK(r.mover.report().lost_lines == 2);
    REQUIRE(write_at(r, address + 2 * line, line) == errc::ok);
    array_platform<>::unreadable.erase(address + 2 * line);  // as the memory does
    CHECK(read_at(r, address + 2 * line) == errc::ok);
    // Written before it was found: copied again, and found after all.
    array_platform<>::unreadable.erase(address + 3 * line);
    REQUIRE(r.access.write(address + 3 * line, {&r.memory[0], 1}) == errc::ok);
    while (*r.mover.step(64) == move_progress::more) {
    }
    REQUIRE(r.mover.commit() == errc::ok);
    CHECK(r.mover.report().lost_lines == 0);
    CHECK(read_at(r, address + 2 * line, 2 * line) == errc::ok);
    CHECK(r.byte({0x3c00}, 2 * line) == std::byte{0x5e});
}

}  // namespace
