// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What was taken from one source is excluded from the map that the next one boots from.
#include <ashlar/zone/exclude_used.hpp>

#include <ashlar/source/bump.hpp>

#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

template <class Source>
struct attached {
    static constexpr range<> all{{0x100}, 0x400};
    typename Source::word words[Source::metadata_words(all)]{};
    Source source{};
    attached() {
        REQUIRE(source.attach(all, words, start::fresh) == errc::ok);
        REQUIRE(source.online(all) == errc::ok);
    }
};

struct plain_map {
    memory_entry entries[32];
    memory_map map{entries};
    plain_map() { REQUIRE(map.add(0, 16 * mebibyte, memory_kind::usable) == errc::ok); }
};

/// Every frame of the source's range is usable iff it is free; beyond, nothing has changed.
template <class Source>
void check_excluded(const memory_map& map, const Source& source) {
    std::vector<bool> usable(0x1000, false);
    std::vector<bool> expected(0x1000, true);
    map.for_each_usable([&](const usable_run& run) {
        for (std::uint64_t i = 0; i < run.frames.count; ++i) usable[run.frames.first.number + i] = true;
    });
    for (std::size_t i = 0; i < 0x400; ++i) expected[0x100 + i] = false;
    source.visit_free([&](range<> free) {
        for (std::uint64_t i = 0; i < free.count; ++i) expected[free.first.number + i] = true;
    });
    CHECK(usable == expected);
}

TEST_CASE("what bump gave away stays away") {
    attached<bump<platform>> early;
    REQUIRE(early.source.allocate_at({{0x180}, 0x11}) == errc::ok);
    REQUIRE(early.source.allocate_at({{0x4ff}, 1}) == errc::ok);
    REQUIRE(early.source.allocate({.order = 3}).has_value());
    plain_map machine;
    CHECK(exclude_used(machine.map, early.source, early.all) == errc::ok);
    check_excluded(machine.map, early.source);
}

TEST_CASE("any source will do; free stretches need not come in order") {
    attached<radix_buddy<platform, order_10>> first;
    for (const unsigned at : {0x100U, 0x123U, 0x200U, 0x3ffU, 0x400U, 0x4ffU}) {
        REQUIRE(first.source.allocate_at({{at}, 1}) == errc::ok);
    }
    plain_map machine;
    CHECK(exclude_used(machine.map, first.source, first.all) == errc::ok);
    check_excluded(machine.map, first.source);
}

TEST_CASE("nothing free, nothing usable; all free, nothing changed") {
    attached<bump<platform>> early;
    plain_map machine;
    CHECK(exclude_used(machine.map, early.source, early.all) == errc::ok);
    CHECK(machine.map.usable_frames() == 0x1000);
    REQUIRE(early.source.allocate_at(early.all) == errc::ok);
    CHECK(exclude_used(machine.map, early.source, early.all) == errc::ok);
    CHECK(machine.map.usable_frames() == 0x1000 - 0x400);
}

TEST_CASE("no frames, or frames that wrap, are invalid; a full map excludes more, never less") {
    attached<bump<platform>> early;
    REQUIRE(early.source.allocate_at({{0x180}, 1}) == errc::ok);
    memory_entry one[1];
    memory_map map{one};
    REQUIRE(map.add(0, 16 * mebibyte, memory_kind::usable) == errc::ok);
    CHECK(exclude_used(map, early.source, {{0x100}, 0}) == errc::invalid);
    CHECK(exclude_used(map, early.source, {{0x100}, ~std::uint64_t{0}}) == errc::invalid);
    CHECK(map.usable_frames() == 0x1000);
    CHECK(exclude_used(map, early.source, early.all) == errc::limit);
    map.for_each_usable([](const usable_run& run) { CHECK_FALSE(run.frames.contains(frame<>{0x180})); });
}

}  // namespace
