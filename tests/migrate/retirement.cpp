// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/retirement.hpp>

#include <atomic>
#include <thread>

#include "migrate/machines.hpp"

namespace {

using namespace migrate_tests;

template <class Source>
struct scene {
    attached<Source> on;
    users<bank> book;
    std::set<std::uint64_t> bad;
    test_mover<bank> mover{book, {&bad}};
    allocated_destination<Source> anywhere{on.source};
    typename retirement<Source>::word words[4]{};
    retirement<Source> failing{on.source, words};

    [[nodiscard]] std::map<std::uint64_t, retirement_state> listed() const {
        std::map<std::uint64_t, retirement_state> all;
        failing.visit([&](frame<> f, retirement_state state) { all[f.number] = state; });
        return all;
    }
    std::uint64_t use(frame<> first, unsigned order) {
        REQUIRE(on.source.allocate_at(block(first, order)) == errc::ok);
        return book.enter(first, order);
    }
};

TEST_CASE_TEMPLATE("a frame in use is moved away, and it alone is handed out no more", Source, radix, list,
                   rows, machine_of_rows) {
    scene<Source> all;
    const auto id = all.use({1024}, 3);
    const std::uint64_t free = all.on.source.free_frames();
    REQUIRE(all.failing.note({1029}) == errc::ok);
    CHECK(all.listed().at(1029) == retirement_state::noted);
    CHECK(all.failing.work(all.anywhere, all.mover) == errc::ok);
    CHECK(all.listed().at(1029) == retirement_state::retired);
    CHECK(all.book.home_of(id).first.number != 1024);
    CHECK(all.book.intact());
    all.on.source.drain();
    CHECK(all.on.source.free_frames() == free - 1);
    // Its buddies are handed out, it never is.
    std::set<std::uint64_t> got;
    while (const auto page = all.on.source.allocate({.order = 0})) got.insert(page->number);
    CHECK(got.contains(1028));
    CHECK(got.contains(1030));
    CHECK_FALSE(got.contains(1029));
    CHECK(all.on.source.validate() == errc::ok);
}

TEST_CASE("a free frame is taken; noting and working twice changes nothing") {
    scene<radix> all;
    const std::uint64_t free = all.on.source.free_frames();
    REQUIRE(all.failing.note({700}) == errc::ok);
    REQUIRE(all.failing.note({700}) == errc::ok);
    CHECK(all.listed().size() == 1);
    CHECK(all.failing.work(all.anywhere, all.mover) == errc::ok);
    CHECK(all.failing.work(all.anywhere, all.mover) == errc::ok);
    CHECK(all.on.source.free_frames() == free - 1);
    CHECK(all.on.source.allocate_at({{700}, 1}) == errc::busy);
    CHECK(all.on.source.allocate_at({{701}, 1}) == errc::ok);
}

TEST_CASE("what is pinned or unreadable stays in use, is listed, and leaves when it can") {
    scene<machine_of_rows> all;
    const auto pinned = all.use({1024}, 0);
    all.book.pin(pinned);
    (void)all.use({2000}, 0);
    all.bad.insert(2000);
    REQUIRE(all.failing.note({1024}) == errc::ok);
    REQUIRE(all.failing.note({2000}) == errc::ok);
    CHECK(all.failing.work(all.anywhere, all.mover) == errc::unreadable);
    CHECK(all.listed().at(1024) == retirement_state::in_use);
    CHECK(all.listed().at(2000) == retirement_state::in_use);
    CHECK(all.on.source.offers({1025}));  // isolation is over
    all.book.pin(pinned, false);
    CHECK(all.failing.work(all.anywhere, all.mover) == errc::unreadable);
    CHECK(all.listed().at(1024) == retirement_state::retired);
    CHECK(all.listed().at(2000) == retirement_state::in_use);
    CHECK(all.book.intact());
}

TEST_CASE("a mirrored frame heals and is used on; one that does not is retired") {
    scene<machine_of_rows> all;
    const auto got = all.on.source.allocate({.mirror = mirror::required});
    REQUIRE(got.has_value());
    (void)all.book.enter(*got, 0);
    REQUIRE(all.failing.note(*got) == errc::ok);
    REQUIRE(all.failing.note({1024}) == errc::ok);  // ordinary: not asked
    std::set<std::uint64_t> asked;
    const auto mends = [&](frame<> f) {
        asked.insert(f.number);
        rewrite_frame<bank>(f);
        return true;
    };
    CHECK(all.failing.work(all.anywhere, all.mover, mends) == errc::ok);
    CHECK(asked == std::set<std::uint64_t>{got->number});
    CHECK_FALSE(all.listed().contains(got->number));
    // The place of the one that healed is free, and lies ahead: an error of the other one is not listed anew.
    REQUIRE(all.failing.note({1024}) == errc::ok);
    std::uint64_t places = 0;
    all.failing.visit([&](frame<>, retirement_state) { ++places; });
    CHECK(places == 1);
    CHECK(all.failing.work(all.anywhere, all.mover, mends) == errc::ok);
    CHECK(all.listed().at(1024) == retirement_state::retired);
    CHECK(all.book.intact());
    CHECK(all.on.source.free(*got, 0) == errc::ok);

    REQUIRE(all.failing.note(*got) == errc::ok);
    CHECK(all.failing.work(all.anywhere, all.mover, [](frame<>) { return false; }) == errc::ok);
    CHECK(all.listed().at(got->number) == retirement_state::retired);
}

TEST_CASE(
    "a full list and numbers that it cannot hold are refused; foreign frames are listed for the next boot") {
    scene<radix> all;
    CHECK(all.failing.note({~std::uint64_t{0}}) == errc::limit);
    CHECK(all.failing.note({~std::uint64_t{0} >> 2}) == errc::ok);
    CHECK(all.failing.note({(~std::uint64_t{0} >> 2) + 1}) == errc::limit);
    all.words[0].store(0, memory_order::relaxed);
    for (std::uint64_t f : {1u, 2u, 3u}) REQUIRE(all.failing.note({f}) == errc::ok);
    REQUIRE(all.failing.note({bank::frames + 7}) == errc::ok);
    CHECK(all.failing.note({5}) == errc::limit);
    CHECK(all.failing.note({~std::uint64_t{0}}) == errc::limit);
    CHECK(all.failing.work(all.anywhere, all.mover) != errc::ok);
    CHECK(all.listed().at(bank::frames + 7) == retirement_state::in_use);
    CHECK(all.listed().at(1) == retirement_state::retired);
}

TEST_CASE("errors are noted while others are worked off") {
    attached<rows> on;
    users<bank> book;
    test_mover<bank> mover(book);
    allocated_destination<rows> anywhere{on.source};
    std::vector<retirement<rows>::word> words(256);
    retirement<rows> failing(on.source, {words.data(), words.size()});
    std::atomic<bool> done{false};
    std::thread handler([&] {
        for (std::uint64_t i = 0; i < 200; ++i) CHECK(failing.note({512 + i * 3}) == errc::ok);
        done = true;
    });
    while (!done) CHECK(failing.work(anywhere, mover) == errc::ok);
    handler.join();
    CHECK(failing.work(anywhere, mover) == errc::ok);
    std::size_t retired = 0;
    failing.visit(
        [&](frame<>, retirement_state state) { retired += state == retirement_state::retired ? 1 : 0; });
    CHECK(retired == 200);
}

}  // namespace
