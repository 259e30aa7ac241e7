// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/evacuation.hpp>

#include "migrate/machines.hpp"

namespace {

using namespace migrate_tests;

constexpr range<> dimm{{1024}, 2048};

template <class Source>
std::uint64_t free_in(const Source& source, range<> frames) {
    std::uint64_t free = 0;
    source.visit_free([&](range<> told) { free += told.clipped_to(frames).count; });
    return free;
}

TEST_CASE_TEMPLATE("what is in use moves, nothing is lost, and the range can go off line", Source, radix,
                   list, rows, machine_of_rows) {
    attached<Source> on;
    users<bank> book;
    scatter(on.source, book, 3, 1);
    const std::uint64_t free = on.source.free_frames();

    test_mover<bank> mover(book);
    evacuation<Source> emptied(on.source);
    REQUIRE(emptied.begin(dimm) == errc::ok);
    CHECK(emptied.begin(dimm) == errc::busy);
    CHECK(emptied.report().left == dimm.count);
    allocated_destination<Source> anywhere{on.source};
    unsigned calls = 1;
    while (emptied.evacuate(anywhere, mover, 100) == errc::limit) {
        ++calls;
        CHECK(book.intact());
    }
    CHECK(calls >= dimm.count / 100);
    CHECK(emptied.report().left == 0);
    CHECK(emptied.report().moved > 0);
    CHECK(book.intact());
    on.source.drain();
    CHECK(on.source.free_frames() == free);
    CHECK(free_in(on.source, dimm) == dimm.count);
    for (const std::uint64_t id : book.ids()) CHECK_FALSE(dimm.contains(book.home_of(id).first));

    REQUIRE(on.source.offline(dimm) == errc::ok);
    CHECK_FALSE(on.source.owns(dimm.first));
    REQUIRE(on.source.online(dimm) == errc::ok);
    emptied.end();
    CHECK(on.source.validate() == errc::ok);
    for (const std::uint64_t id : book.ids()) {
        const auto block = book.leave(id);
        CHECK(on.source.free(block.first, block.order) == errc::ok);
    }
    on.source.drain();
    CHECK(on.source.validate() == errc::ok);
}

TEST_CASE("pinned, unreadable and foreign frames stay, and are told apart") {
    attached<radix> on;
    users<bank> book;
    REQUIRE(on.source.allocate_at({{1024}, 4}) == errc::ok);
    const auto pinned = book.enter({1024}, 2);
    book.pin(pinned);
    REQUIRE(on.source.allocate_at({{1030}, 2}) == errc::ok);
    (void)book.enter({1030}, 1);
    REQUIRE(on.source.allocate_at({{1100}, 3}) == errc::ok);  // nobody in the book
    REQUIRE(on.source.allocate_at({{1200}, 1}) == errc::ok);
    const auto moves = book.enter({1200}, 0);
    const std::uint64_t free = on.source.free_frames();

    std::set<std::uint64_t> bad{1031};
    test_mover<bank> mover(book, {&bad});
    evacuation<radix> emptied(on.source);
    REQUIRE(emptied.begin({{1024}, 512}) == errc::ok);
    allocated_destination<radix> anywhere{on.source};
    CHECK(emptied.evacuate(anywhere, mover) == errc::busy);
    CHECK(emptied.report().moved == 1);
    CHECK(emptied.report().pinned == 4);
    CHECK(emptied.report().failed == 2);
    CHECK(emptied.report().foreign == 3);
    CHECK(emptied.report().left == 9);
    CHECK(emptied.report().reason == errc::unreadable);
    CHECK(on.source.free_frames() == free);
    CHECK(book.intact());
    CHECK(book.home_of(moves).first.number != 1200);
    CHECK(on.source.offline({{1024}, 512}) == errc::busy);

    // Another pass, when what held them is over.
    book.pin(pinned, false);
    bad.clear();
    REQUIRE(on.source.free({1100}, 1) == errc::ok);
    REQUIRE(on.source.free({1102}, 0) == errc::ok);
    emptied.restart();
    CHECK(emptied.evacuate(anywhere, mover) == errc::ok);
    CHECK(emptied.report().moved == 7);
    CHECK(emptied.report().left == 0);
    CHECK(on.source.offline({{1024}, 512}) == errc::ok);
}

TEST_CASE("a mover that refuses to switch leaves block and place as they were") {
    attached<list> on;
    users<bank> book;
    REQUIRE(on.source.allocate_at({{512}, 8}) == errc::ok);
    const auto id = book.enter({512}, 3);
    const std::uint64_t free = on.source.free_frames();
    test_mover<bank> mover(book);
    book.refuse(1);
    evacuation<list> emptied(on.source);
    REQUIRE(emptied.begin({{512}, 512}) == errc::ok);
    allocated_destination<list> anywhere{on.source};
    CHECK(emptied.evacuate(anywhere, mover) == errc::busy);
    CHECK(emptied.report().failed == 8);
    CHECK(emptied.report().reason == errc::unsupported);
    CHECK(book.home_of(id).first.number == 512);
    CHECK(on.source.free_frames() == free);
    CHECK(book.intact());
}

/// Finds what the other one does, and is told each time that the block has been pinned since.
struct pinned_meanwhile {
    using space = machine;
    test_mover<bank>& mover;

    [[nodiscard]] result<used_block<>> block_of(frame<> f) noexcept { return mover.block_of(f); }
    errc move(frame<>, frame<>, unsigned) noexcept { return errc::busy; }
};

TEST_CASE(
    "a block that is pinned between the look and the move counts as pinned, and its place is free again") {
    attached<radix> on;
    users<bank> book;
    REQUIRE(on.source.allocate_at({{512}, 8}) == errc::ok);
    const auto id = book.enter({512}, 3);
    const std::uint64_t free = on.source.free_frames();
    test_mover<bank> mover(book);
    pinned_meanwhile late{mover};
    evacuation<radix> emptied(on.source);
    REQUIRE(emptied.begin({{512}, 512}) == errc::ok);
    allocated_destination<radix> anywhere{on.source};
    CHECK(emptied.evacuate(anywhere, late) == errc::busy);
    CHECK(emptied.report().pinned == 8);
    CHECK(emptied.report().failed == 0);
    CHECK(emptied.report().left == 8);
    CHECK(on.source.free_frames() == free);
    CHECK(book.home_of(id).first.number == 512);
    emptied.restart();
    CHECK(emptied.evacuate(anywhere, mover) == errc::ok);
    CHECK(emptied.report().pinned == 0);
}

TEST_CASE("a range that is isolated is one, until it is readmitted") {
    attached<radix> on;
    isolated_range<machine> around;
    REQUIRE(around.isolate(on.source, {{600}, 10}) == errc::ok);
    CHECK(around.units() == range<>{{512}, 512});
    CHECK(around.isolate(on.source, {{700}, 1}) == errc::ok);  // in the same pageblock
    CHECK(around.isolate(on.source, {{1024}, 1}) == errc::busy);
    CHECK(around.units() == range<>{{512}, 512});
    CHECK(on.source.offers_row({1024}));
    CHECK(around.isolate(on.source, {}) == errc::invalid);
    CHECK(around.isolate(on.source, {{600}, ~std::uint64_t{0}}) == errc::invalid);
    CHECK(around.units() == range<>{{512}, 512});
    isolated_range<machine> other;
    CHECK(other.isolate(on.source, {{600}, 1}) == errc::busy);
    CHECK(other.units().empty());
    around.readmit(on.source);
    CHECK(on.source.offers_row({512}));
    CHECK(other.isolate(on.source, {{600}, 1}) == errc::ok);
    other.readmit(on.source);
}

TEST_CASE("no room for a frame stops it, no room for a block does not; it goes on when there is some") {
    attached<radix> on;
    users<bank> book;
    REQUIRE(on.source.allocate_at({{512}, 8}) == errc::ok);
    (void)book.enter({512}, 3);
    REQUIRE(on.source.allocate_at({{520}, 1}) == errc::ok);
    (void)book.enter({520}, 0);
    test_mover<bank> mover(book);
    evacuation<radix> emptied(on.source);
    REQUIRE(emptied.begin({{512}, 512}) == errc::ok);
    REQUIRE(on.source.allocate_at({{1}, 511}) == errc::ok);
    REQUIRE(on.source.allocate_at({{1024}, bank::frames - 1024}) == errc::ok);
    allocated_destination<radix> anywhere{on.source};
    CHECK(emptied.evacuate(anywhere, mover) == errc::exhausted);
    CHECK(emptied.report().failed == 8);
    CHECK(emptied.report().reason == errc::exhausted);
    REQUIRE(on.source.free({2000}, 0) == errc::ok);
    CHECK(emptied.evacuate(anywhere, mover) == errc::busy);
    CHECK(emptied.report().moved == 1);
    REQUIRE(on.source.free({2008}, 3) == errc::ok);
    emptied.restart();
    CHECK(emptied.evacuate(anywhere, mover) == errc::ok);
    CHECK(emptied.report().moved == 9);
    CHECK(book.intact());
}

TEST_CASE("an evacuation that is ended leaves the range as others may use it") {
    attached<machine_of_rows> on;
    users<bank> book;
    scatter(on.source, book, 2, 2);
    test_mover<bank> mover(book);
    evacuation<machine_of_rows> emptied(on.source);
    CHECK(emptied.evacuate(allocated_destination<machine_of_rows>{on.source}, mover) == errc::invalid);
    CHECK(emptied.begin({}) == errc::invalid);
    REQUIRE(emptied.begin({{1030}, 100}) == errc::ok);
    CHECK_FALSE(on.source.offers({1024}));
    CHECK(emptied.evacuate(allocated_destination<machine_of_rows>{on.source}, mover, 50) == errc::limit);
    CHECK(emptied.report().left >= 50);
    // Units that somebody has isolated are his.
    evacuation<machine_of_rows> other(on.source);
    CHECK(other.begin({{1500}, 10}) == errc::busy);
    other.end();
    CHECK_FALSE(on.source.offers({1024}));
    emptied.end();
    CHECK(on.source.offers({1024}));
    CHECK(emptied.report().left >= 50);
    CHECK(other.begin({{1500}, 10}) == errc::ok);
    other.end();
    CHECK(book.intact());
}

struct liar {
    using space = ashlar::machine;
    used_block<> told{};
    result<used_block<>> block_of(frame<>) noexcept { return told; }
    errc move(frame<>, frame<>, unsigned) noexcept { return errc::ok; }
};

TEST_CASE("what a mover says of a block is checked") {
    attached<radix> on;
    REQUIRE(on.source.allocate_at({{512}, 1}) == errc::ok);
    const std::uint64_t free = on.source.free_frames();
    for (const used_block<> told : {used_block<>{{513}, 1}, used_block<>{{600}, 0}, used_block<>{{0}, 64},
                                    used_block<>{{0}, radix::top_order + 1}}) {
        liar mover{told};
        evacuation<radix> emptied(on.source);
        REQUIRE(emptied.begin({{512}, 512}) == errc::ok);
        CHECK(emptied.evacuate(allocated_destination<radix>{on.source}, mover, 1) == errc::limit);
        CHECK(emptied.report().failed == 1);
        CHECK(emptied.report().reason == errc::invalid);
        emptied.end();
        CHECK(on.source.free_frames() == free);
    }
}

}  // namespace
