// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What starts a migration: counted errors, frames that fail together.
#include <doctest/doctest.h>

#include <ashlar/migrate/error_counter.hpp>
#include <ashlar/migrate/failure_set.hpp>
#include <ashlar/migrate/migrate_failing.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

struct timed : platform {
    static inline std::uint64_t time = 0;
    [[nodiscard]] static std::uint64_t now() noexcept { return time; }
};
constexpr frame<> a{100};
constexpr frame<> b{200};

TEST_CASE("so many errors within a period are too many") {
    timed::time = 1'000'000;
    error_bucket buckets[4]{};
    error_counter<timed> errors(buckets, {.errors = 3, .period = 300, .moves = 100, .move_period = 100});
    CHECK(errors.note(a) == error_verdict::counted);
    CHECK(errors.note(b) == error_verdict::counted);
    CHECK(errors.note(a) == error_verdict::counted);
    CHECK(errors.level_of(a) == 2);
    CHECK(errors.note(a) == error_verdict::migrate);
    CHECK(errors.level_of(a) == 0);  // and the frame begins anew
    CHECK(errors.level_of(b) == 1);
    CHECK(errors.note(a) == error_verdict::counted);
    CHECK(errors.counted() == 5);
    CHECK(errors.forgotten() == 0);
}

TEST_CASE("time empties a bucket, evenly") {
    timed::time = 0;
    error_bucket buckets[4]{};
    error_counter<timed> errors(buckets, {.errors = 3, .period = 300, .moves = 100, .move_period = 100});
    // One error in 100 ns never fills it.
    for (int i = 0; i < 50; ++i, timed::time += 100) CHECK(errors.note(a) == error_verdict::counted);
    // A little more often does.
    int noted = 1;
    for (timed::time += 50; errors.note(a) != error_verdict::migrate; timed::time += 50) ++noted;
    CHECK(noted <= 6);
    CHECK(errors.note(b) == error_verdict::counted);
    timed::time += 99;
    CHECK(errors.note(b) == error_verdict::counted);
    CHECK(errors.level_of(b) == 2);
    timed::time += 1;  // one has leaked since the first
    CHECK(errors.note(b) == error_verdict::counted);
    CHECK(errors.level_of(b) == 2);
    timed::time += 10'000'000;
    CHECK(errors.note(b) == error_verdict::counted);
    CHECK(errors.level_of(b) == 1);
}

TEST_CASE("a storm is held back, and counted") {
    timed::time = 5;
    error_bucket buckets[16]{};
    error_counter<timed> errors(buckets, {.errors = 1, .period = 1'000, .moves = 4, .move_period = 400});
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(errors.note({i + 1}) == error_verdict::migrate);
    for (std::uint64_t i = 4; i < 10; ++i) CHECK(errors.note({i + 1}) == error_verdict::deferred);
    CHECK(errors.deferred() == 6);
    timed::time += 100;  // one move is allowed again
    CHECK(errors.note({10}) == error_verdict::migrate);
    CHECK(errors.note({9}) == error_verdict::deferred);
    timed::time += 400;
    for (std::uint64_t i = 5; i < 9; ++i) CHECK(errors.note({i}) == error_verdict::migrate);
    CHECK(errors.note({9}) == error_verdict::deferred);
    // Never more than twice as many in any period: those that were saved, and those that came.
    CHECK(errors.counted() == 17);
}

TEST_CASE("where buckets are out the emptiest goes, and what is lost is counted") {
    timed::time = 5;
    error_bucket buckets[2]{};
    error_counter<timed> errors(buckets, {.errors = 10, .period = 1'000'000, .moves = 4, .move_period = 400});
    for (int i = 0; i < 3; ++i) CHECK(errors.note(a) == error_verdict::counted);
    for (int i = 0; i < 2; ++i) CHECK(errors.note(b) == error_verdict::counted);
    CHECK(errors.note({300}) == error_verdict::counted);
    CHECK(errors.level_of(a) == 3);
    CHECK(errors.level_of(b) == 0);
    CHECK(errors.forgotten() == 2);
    error_counter<timed> none({}, {});
    CHECK(none.note(a) == error_verdict::counted);
    CHECK(none.forgotten() == 1);
}

/// Somebody else comes while the time is read.
struct reentrant : timed {
    static inline error_verdict (*inside)() = nullptr;
    static inline error_verdict told = error_verdict::counted;
    [[nodiscard]] static std::uint64_t now() noexcept {
        if (const auto call = inside; call != nullptr) {
            inside = nullptr;
            told = call();
        }
        return 7;
    }
};

TEST_CASE("who comes while somebody is inside is told so") {
    static error_bucket buckets[2]{};
    static error_counter<reentrant> errors(buckets);
    reentrant::inside = [] { return errors.note(b); };
    CHECK(errors.note(a) == error_verdict::counted);
    CHECK(reentrant::told == error_verdict::missed);
    CHECK(errors.missed() == 1);
    CHECK(errors.counted() == 1);
    CHECK(errors.note(b) == error_verdict::counted);
}

TEST_CASE("model: the counter against buckets kept apart") {
    timed::time = 0;
    error_bucket buckets[8]{};
    constexpr error_rules rules{.errors = 4, .period = 4'000, .moves = 3, .move_period = 9'000};
    error_counter<timed> errors(buckets, rules);
    // As the comment says it: an error fills a bucket by one, each period / errors empties it by one.
    struct bucket {
        std::uint64_t level = 0;
        std::uint64_t since = 0;
        void pass(std::uint64_t now, std::uint64_t each) {
            while (level > 0 && now - since >= each) {
                --level;
                since += each;
            }
            if (level == 0) since = now;
        }
    };
    std::map<std::uint64_t, bucket> known;
    bucket storm;
    std::uint64_t random = 12345;
    std::map<error_verdict, int> seen;
    for (int i = 0; i < 20'000; ++i) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        timed::time += (random >> 40) % 150;
        const std::uint64_t f = (random >> 33) % 6 + 1;
        for (auto& [number, each] : known) each.pass(timed::time, rules.period / rules.errors);
        storm.pass(timed::time, rules.move_period / rules.moves);
        bucket& mine = known[f];
        if (mine.level == 0) mine.since = timed::time;
        if (mine.level < rules.errors) ++mine.level;
        error_verdict expected = error_verdict::counted;
        if (mine.level == rules.errors) {
            expected = storm.level == rules.moves ? error_verdict::deferred : error_verdict::migrate;
            if (expected == error_verdict::migrate) {
                if (storm.level == 0) storm.since = timed::time;
                ++storm.level;
                mine.level = 0;
            }
        }
        const error_verdict got = errors.note({f});
        REQUIRE(got == expected);
        ++seen[got];
    }
    CHECK(seen[error_verdict::migrate] > 100);
    CHECK(seen[error_verdict::deferred] > 100);
    CHECK(errors.forgotten() == 0);
}

constexpr std::uint64_t banks[] = {0x0002'2000, 0x0004'4000, 0x0008'8000};
constexpr dram_decode decode{.row_mask = 0xfffe'0000, .bank_masks = banks, .address_mask = 0xffff'ffff};

template <class Set>
constexpr std::uint64_t count_of(const Set& set, std::uint64_t address) {
    std::uint64_t count = 0;
    set(address, [&](range<> frames) { count += frames.count; });
    return count;
}
static_assert(count_of(frame_alone{}, 0x1234'5678) == 1);
static_assert(count_of(dram_failures{decode}, 0x1234'5678) == 4);

TEST_CASE("a row: the frames that share a line of it, and no others") {
    // Some decodes: banks by bits above the page, also by bits inside it (a channel at 256 bytes).
    constexpr std::uint64_t inner[] = {0x100 | 0x2000, 0x0004'4000};
    constexpr std::uint64_t none[] = {0x40};
    const dram_failures sets[] = {
        {decode},
        {{.row_mask = 0x3c'0000, .bank_masks = banks, .address_mask = 0x3f'ffff}},
        {{.row_mask = 0x3c'0000, .bank_masks = inner, .address_mask = 0x3f'ffff}},
        {{.row_mask = 0x3c'0000, .bank_masks = none, .address_mask = 0x3f'ffff}},
        {{.row_mask = 0x3c'0800, .bank_masks = inner, .address_mask = 0x3f'ffff}},  // a row's bit in the page
        {{.row_mask = 0x3c'0000, .bank_masks = inner, .address_mask = 0x3f'ffff}, true},
        {{.row_mask = 0x3c'0000, .bank_masks = {}, .address_mask = 0x3f'ffff}, true},
    };
    for (std::size_t which = 1; which < 7; ++which) {
        const dram_failures& set = sets[which];
        for (const std::uint64_t address : {std::uint64_t{0}, std::uint64_t{0x12'3456},
                                            std::uint64_t{0x3f'ffff}, std::uint64_t{0x8'0940}}) {
            // Each line of the memory, looked at.
            std::set<std::uint64_t> expected;
            for (std::uint64_t line = 0; line < 0x40'0000; line += 64) {
                const bool same_row = set.whole_bank || set.decode.row_of(line) == set.decode.row_of(address);
                if (same_row && set.decode.bank_of(line) == set.decode.bank_of(address))
                    expected.insert(line >> 12);
            }
            std::set<std::uint64_t> got;
            std::uint64_t last = 0;
            bool first = true;
            set(address, [&](range<> frames) {
                CHECK((first || frames.first.number > last));  // ascending, and not to be joined
                for (std::uint64_t i = 0; i < frames.count; ++i) got.insert(frames.first.number + i);
                last = frames.end().number;
                first = false;
            });
            CHECK(got == expected);
            CHECK(got.count(address >> 12) == 1);
        }
    }
    std::vector<range<>> frames;
    sets[0](0x1234'5678, [&](range<> some) { frames.push_back(some); });
    CHECK(frames == std::vector<range<>>{{{0x12344}, 2}, {{0x12354}, 2}});
}

TEST_CASE("an error's frame, and all that fail with it, move away") {
    rig<> r;
    constexpr std::uint64_t masks[] = {0x0000'2000};
    const dram_failures row{{.row_mask = 0x03ff'8000, .bank_masks = masks, .address_mask = 0x03ff'ffff}};
    std::vector<std::uint64_t> expected;
    row(0x0080'0040, [&](range<> frames) {
        for (std::uint64_t i = 0; i < frames.count; ++i) expected.push_back(frames.first.number + i);
    });
    CHECK(expected == std::vector<std::uint64_t>{0x800, 0x801, 0x804, 0x805});
    for (const std::uint64_t f : expected) r.fill({f}, static_cast<unsigned>(f));

    timed::time = 1;
    error_bucket buckets[4]{};
    error_counter<timed> errors(buckets, {.errors = 2, .period = 100, .moves = 1, .move_period = 100});
    CHECK(errors.note({0x800}) == error_verdict::counted);
    REQUIRE(errors.note({0x800}) == error_verdict::migrate);
    const failing_frames done = migrate_failing(r.mover, row, 0x0080'0040);
    CHECK(done.vacated == 4);
    CHECK(done.refused == 0);
    for (const std::uint64_t f : expected) {
        CHECK(r.mover.state_of({f}) == origin_state::remapped);
        CHECK(r.reads({f}, static_cast<unsigned>(f)));
    }
    CHECK(r.table.size() == 4);
    // Again: nobody's bytes are there.
    CHECK(migrate_failing(r.mover, row, 0x0080'0040).vacated == 4);
    CHECK(r.table.size() == 4);

    // The row of the spares: those in use are left, the free ones too, and all are poisoned.
    const failing_frames spares = migrate_failing(r.mover, row, 0x03c0'0000);
    CHECK(spares.vacated == 4);
    CHECK(r.book.count(spare_state::poisoned) == 4);
    CHECK(r.table.size() == 4);
    for (const std::uint64_t f : expected) CHECK(r.reads({f}, static_cast<unsigned>(f)));
    CHECK(migrate_failing(r.mover, row, 0x03c0'0000).vacated == 4);
    CHECK(r.pool.free_frames() == 1024 - 4 - 4);
    CHECK(migrate_failing(r.mover, frame_alone{}, 0x1000'0000).vacated == 0);  // no memory
}

TEST_CASE("what cannot move stays, and the others move all the same") {
    rig<> r({.spares = {.ordinary = 2, .mirrored = 0}});
    const auto three = [](std::uint64_t address, auto&& sink) noexcept { sink(range<>{{address >> 12}, 3}); };
    const failing_frames done = migrate_failing(r.mover, three, 0x0080'0000);
    CHECK(done.vacated == 2);
    CHECK(done.refused == 1);
    CHECK(done.error == errc::exhausted);
    REQUIRE(r.mover.restore(frame<os>{0x800}) == errc::ok);
    REQUIRE(r.mover.begin({{0x900}, 1}) == errc::ok);
    CHECK(r.mover.vacate({r.mover.report().move.target}) == errc::busy);
    CHECK(r.mover.vacate({0x900}) == errc::busy);
}

}  // namespace
