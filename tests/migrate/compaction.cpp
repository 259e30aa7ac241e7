// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/compaction.hpp>

#include "migrate/machines.hpp"

namespace {

using namespace migrate_tests;

/// Free frames, and those of them in whole pageblocks.
template <class Source>
std::pair<std::uint64_t, std::uint64_t> whole_of(const Source& source) {
    std::map<std::uint64_t, std::uint64_t> blocks;
    std::uint64_t free = 0;
    source.visit_free([&](range<> told) {
        for (std::uint64_t i = 0; i < told.count; ++i) ++blocks[(told.first.number + i) >> 9];
        free += told.count;
    });
    std::uint64_t whole = 0;
    for (const auto& [block, count] : blocks) whole += count == 512 ? 512 : 0;
    return {free, whole};
}

template <class Source>
struct compacted {
    attached<Source> on;
    users<bank> book;
    test_mover<bank> mover{book};
    std::vector<std::uint16_t> words = std::vector<std::uint16_t>(compaction<Source>::words(bank_frames));
    compaction<Source> whole{on.source, bank_frames, {words.data(), words.size()}};

    [[nodiscard]] bool sound() const { return book.intact() && on.source.validate() == errc::ok; }
};

TEST_CASE_TEMPLATE("nearly all that is free comes together, in fewer moves than frames are in use", Source,
                   radix, list, rows, machine_of_rows) {
    compacted<Source> all;
    scatter(all.on.source, all.book, 4, 3, 0);
    const std::uint64_t used = all.book.frames();
    const auto before = whole_of(all.on.source);
    // But for mirrored memory, which nobody asked for.
    if (!std::is_same_v<Source, machine_of_rows>) CHECK(before.second * 10 < before.first);
    all.whole.survey();
    errc answer = errc::limit;
    while (answer == errc::limit) {
        answer = all.whole.compact(all.mover, 512);
        if (answer == errc::limit) CHECK(all.whole.make_block(9, all.mover).error() == errc::invalid);
        CHECK(all.sound());
    }
    CHECK(answer == errc::ok);
    all.on.source.drain();
    const auto after = whole_of(all.on.source);
    CHECK(after.first == before.first);
    CHECK(after.second * 100 > after.first * 95);
    CHECK(all.whole.report().moved < used);
    CHECK(all.whole.report().emptied * 512 >= after.second - before.second);
    // Nothing stays isolated.
    for (const std::uint64_t id : all.book.ids()) {
        const auto block = all.book.leave(id);
        REQUIRE(all.on.source.free(block.first, block.order) == errc::ok);
    }
    all.on.source.drain();
    const auto empty = whole_of(all.on.source);
    CHECK(empty.first == empty.second);
}

TEST_CASE("blocks of several orders keep their order") {
    compacted<radix> all;
    scatter(all.on.source, all.book, 3, 4, 4);
    const auto before = whole_of(all.on.source);
    all.whole.survey();
    CHECK(all.whole.compact(all.mover) == errc::ok);
    CHECK(all.sound());
    const auto after = whole_of(all.on.source);
    CHECK(after.first == before.first);
    CHECK(after.second > before.second);
    CHECK(after.second * 10 > after.first * 9);
}

TEST_CASE("what is pinned, or nobody's, is filled up and not emptied") {
    compacted<radix> all;
    const auto ids = scatter(all.on.source, all.book, 4, 5, 0);
    for (std::size_t i = 0; i < ids.size(); i += 400) all.book.pin(ids[i]);
    std::set<std::uint64_t> pinned;
    for (std::size_t i = 0; i < ids.size(); i += 400) pinned.insert(all.book.home_of(ids[i]).first.number);
    // What shares a pageblock with one of them is not moved in vain.
    std::map<std::uint64_t, std::uint64_t> beside;
    for (const std::uint64_t id : ids) {
        const std::uint64_t home = all.book.home_of(id).first.number;
        const auto next = pinned.lower_bound(home & ~std::uint64_t{511});
        if (next != pinned.end() && (*next ^ home) < 512) beside[id] = home;
    }
    // A frame with no user, where there is none yet.
    frame<> foreign{5000};
    while (all.on.source.allocate_at({foreign, 1}) != errc::ok) foreign = foreign + 1;
    const std::uint64_t free = all.on.source.free_frames();
    all.whole.survey();
    CHECK(all.whole.compact(all.mover) == errc::ok);
    CHECK(all.sound());
    CHECK(all.on.source.free_frames() == free);
    for (std::size_t i = 0; i < ids.size(); i += 400) {
        CHECK(pinned.contains(all.book.home_of(ids[i]).first.number));
    }
    for (const auto& [id, home] : beside) CHECK(all.book.home_of(id).first.number == home);
    CHECK(all.on.source.would_free(foreign, 0) == errc::ok);
    CHECK(all.whole.report().kept > 0);
    CHECK(all.whole.report().emptied > 0);
    const auto after = whole_of(all.on.source);
    // A pageblock in four at most is kept by something; the rest is whole but for one.
    CHECK(after.second > 0);
}

TEST_CASE_TEMPLATE("a block of any order is made where the fewest frames are in its way", Source, radix, list,
                   machine_of_rows) {
    for (const unsigned order : {2u, 5u, 9u, 11u}) {
        compacted<Source> all;
        scatter(all.on.source, all.book, 4, 6, 0);
        std::uint64_t free = all.on.source.free_frames();
        REQUIRE(all.on.source.allocate({.order = 12}).error() != errc::ok);
        all.whole.survey();
        const auto made = all.whole.make_block(order, all.mover);
        REQUIRE(made.has_value());
        CHECK(aligned(*made, order));
        CHECK(all.sound());
        free -= std::uint64_t{1} << order;
        all.on.source.drain();
        CHECK(all.on.source.free_frames() == free);
        for (const std::uint64_t id : all.book.ids()) {
            CHECK_FALSE(block(*made, order).contains(all.book.home_of(id).first));
        }
        CHECK(all.on.source.free(*made, order) == errc::ok);
    }
}

TEST_CASE("no block can be made where everything is pinned, or nothing is free") {
    compacted<radix> all;
    const auto ids = scatter(all.on.source, all.book, 4, 7, 0);
    for (const std::uint64_t id : ids) all.book.pin(id);
    const std::uint64_t free = all.on.source.free_frames();
    all.whole.survey();
    CHECK(all.whole.make_block(9, all.mover).error() == errc::exhausted);
    CHECK(all.whole.make_block(6, all.mover).error() == errc::exhausted);
    CHECK(all.whole.make_block(radix::top_order + 1, all.mover).error() == errc::unsupported);
    CHECK(all.whole.compact(all.mover) == errc::ok);
    CHECK(all.whole.report().moved == 0);
    CHECK(all.on.source.free_frames() == free);
    CHECK(all.sound());
}

TEST_CASE("a block is not made in the midst of a compaction") {
    compacted<radix> all;
    scatter(all.on.source, all.book, 4, 6, 0);
    all.whole.survey();
    REQUIRE(all.whole.compact(all.mover, 1) == errc::limit);
    CHECK(all.whole.make_block(9, all.mover).error() == errc::invalid);
    CHECK(all.whole.make_block(0, all.mover).error() == errc::invalid);
    REQUIRE(all.whole.compact(all.mover) == errc::ok);
    CHECK(all.whole.make_block(0, all.mover).has_value());
    CHECK(all.sound());
}

TEST_CASE("frames that cannot be read stay where they are, and what was taken for them is given back") {
    compacted<radix> all;
    const auto ids = scatter(all.on.source, all.book, 4, 9, 0);
    std::set<std::uint64_t> bad;
    for (std::size_t i = 0; i < ids.size(); i += 40) bad.insert(all.book.home_of(ids[i]).first.number);
    test_mover<bank> fails(all.book, {&bad});
    const std::uint64_t free = all.on.source.free_frames();
    all.whole.survey();
    CHECK(all.whole.compact(fails) == errc::ok);
    CHECK(all.sound());
    CHECK(all.on.source.free_frames() == free);
    CHECK(all.whole.report().kept > 0);
    for (const std::uint64_t each : bad) CHECK(all.on.source.would_free({each}, 0) == errc::ok);
    // Nor is a block made of them: each place that is tried has some.
    for (const std::uint64_t id : ids) bad.insert(all.book.home_of(id).first.number);
    all.whole.survey();
    for (const unsigned order : {5u, 9u, 10u}) {
        std::vector<frame<>> there;
        while (const auto got = all.on.source.allocate({.order = order})) there.push_back(*got);
        CHECK(all.whole.make_block(order, fails).error() == errc::exhausted);
        CHECK(all.whole.make_block(order, fails, 1).error() == errc::exhausted);
        for (const frame<> each : there) REQUIRE(all.on.source.free(each, order) == errc::ok);
    }
    CHECK(all.sound());
    CHECK(all.on.source.free_frames() == free);
    // Once they can be read, all of it comes together.
    bad.clear();
    all.whole.survey();
    CHECK(all.whole.compact(fails) == errc::ok);
    CHECK(all.sound());
    const auto after = whole_of(all.on.source);
    CHECK(after.first == free);
    CHECK(after.second * 100 > after.first * 95);
}

TEST_CASE("one block freed meanwhile, or moved by somebody else, does no harm") {
    compacted<radix> all;
    auto ids = scatter(all.on.source, all.book, 4, 8, 0);
    all.whole.survey();
    std::minstd_rand random(8);
    errc answer = errc::limit;
    while (answer == errc::limit) {
        answer = all.whole.compact(all.mover, 1);
        if (ids.empty()) continue;
        const std::size_t pick = random() % ids.size();
        const auto block = all.book.leave(ids[pick]);
        REQUIRE(all.on.source.free(block.first, block.order) == errc::ok);
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(pick));
        if (const auto got = all.on.source.allocate({.order = 0})) ids.push_back(all.book.enter(*got, 0));
    }
    CHECK(answer == errc::ok);
    CHECK(all.sound());
}

}  // namespace
