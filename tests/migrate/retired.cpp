// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What has failed is reserved at the next boot.
#include <doctest/doctest.h>

#include <ashlar/migrate/exclude_retired.hpp>
#include <ashlar/migrate/remap_image.hpp>
#include <ashlar/migrate/retirement.hpp>
#include <cstdint>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

struct next_boot {
    memory_entry told_entries[32];
    memory_entry spare_entries[8];
    memory_map told{told_entries};
    memory_map spares{spare_entries};

    next_boot() { REQUIRE(told.add(0, 64 * mebibyte, memory_kind::usable) == errc::ok); }
    [[nodiscard]] bool is_usable(std::uint64_t f) const {
        bool found = false;
        told.for_each_usable(
            [&](const usable_run& run) { found = found || run.frames.contains(frame<>{f}); });
        return found;
    }
    [[nodiscard]] memory_kind kind_of(std::uint64_t f) const {
        memory_kind kind = memory_kind::none;
        (void)told.any_of(f << 12, (f + 1) << 12, [&](const memory_entry& e) {
            kind = e.kind;
            return true;
        });
        return kind;
    }
};

TEST_CASE("places that bytes were moved away from, and poisoned spares") {
    rig<> r;
    REQUIRE(r.mover.migrate(frame<os>{0x800}) == errc::ok);
    REQUIRE(r.mover.migrate(range<os>{{0x900}, 2}) == errc::ok);
    REQUIRE(r.mover.migrate(frame<os>{0xa00}) == errc::ok);
    REQUIRE(r.mover.restore(frame<os>{0xa00}) == errc::ok);  // repaired
    REQUIRE(r.mover.poison({0x3f00}) == errc::ok);
    next_boot next;
    REQUIRE(exclude_retired(r.mover, next.told) == errc::ok);
    CHECK(next.told.usable_frames() == 16384 - 4);
    for (const std::uint64_t f : {0x800u, 0x900u, 0x901u, 0x3f00u}) {
        CHECK(!next.is_usable(f));
        CHECK(next.kind_of(f) == memory_kind::reserved);
    }
    CHECK(next.is_usable(0xa00));
    CHECK(next.is_usable(0x3c00));
    // Spares are carved around them, and the numbers add up.
    REQUIRE(*carve_spares(next.told, next.spares, spares_per_node{.ordinary = 1024}) == 1024);
    CHECK(next.told.usable_frames() == 15'360 - 4);
    CHECK(next.spares.entries()[0].begin == 0x03c00000 - 4096);
}

TEST_CASE("from the image of the table, which survives") {
    using table = shipped_table<remap_table<>>;
    std::vector<std::byte> kept(remap_image<>::bytes_for(64));
    remap_image<> image{view<std::byte>(kept.data(), kept.size())};
    {
        rig<trap_and_retry, array_platform<>, cpu_part_copy<array_platform<>>, table> r(
            {.table_capacity = 64});
        REQUIRE(r.mover.migrate(range<os>{{0x900}, 3}) == errc::ok);
        REQUIRE(image.save(r.table) == errc::ok);
        REQUIRE(r.mover.migrate(frame<os>{0x800}) == errc::ok);
        REQUIRE(image.save(r.table) == errc::ok);
    }
    next_boot next;
    table loaded(64);
    REQUIRE(image.load(loaded) == errc::ok);
    REQUIRE(exclude_retired(loaded, next.told) == errc::ok);
    CHECK(next.told.usable_frames() == 16384 - 4);
    for (const std::uint64_t f : {0x800u, 0x900u, 0x901u, 0x902u}) CHECK(!next.is_usable(f));

    // Or the system goes on: the same spares are carved, and their entries taken over.
    rig<trap_and_retry, array_platform<>, cpu_part_copy<array_platform<>>, table> again(
        {.table_capacity = 64});
    again.fill({0x3c00}, 5);
    REQUIRE(image.load(again.table) == errc::ok);
    again.table.for_each(
        [&](frame<os> origin, frame<machine>) { CHECK(again.mover.adopt(origin) == errc::ok); });
    CHECK(again.pool.free_frames() == 1020);
    CHECK(again.reads({0x900}, 5));
    REQUIRE(again.mover.restore(frame<os>{0x900}) == errc::ok);
    CHECK(again.reads({0x900}, 5));
    CHECK(again.table.size() == 3);
}

TEST_CASE("from a system's own list, or any other") {
    using buddy = radix_buddy<platform>;
    constexpr range<> frames{{0x800}, 0x400};
    std::vector<buddy::word> words(buddy::metadata_words(frames));
    buddy memory;
    REQUIRE(memory.attach(frames, {words.data(), words.size()}, start::fresh) == errc::ok);
    REQUIRE(memory.online(frames) == errc::ok);
    retirement<buddy>::word noted[4]{};
    retirement<buddy> failing(memory, noted);
    REQUIRE(failing.note({0x812}) == errc::ok);
    next_boot next;
    REQUIRE(exclude_retired(failing, next.told) == errc::ok);
    CHECK(!next.is_usable(0x812));
    const frame<> list[] = {{0x10}, {0x12}, {~std::uint64_t{0}}};
    REQUIRE(exclude_retired(view<const frame<>>(list), next.told) == errc::ok);
    CHECK(next.told.usable_frames() == 16384 - 3);
    // A map without room reserves more, never less.
    memory_entry one[1];
    memory_map small{one};
    REQUIRE(small.add(0, mebibyte, memory_kind::usable) == errc::ok);
    CHECK(exclude_retired(view<const frame<>>(list), small) == errc::limit);
    CHECK(small.usable_frames() == 0);
}

}  // namespace
