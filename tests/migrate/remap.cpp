// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a table of remapped frames answers: at compile time where it can be, and each refusal.
#include <doctest/doctest.h>

#include <ashlar/migrate/remapping.hpp>
#include <ashlar/migrate/translate_address.hpp>
#include <concepts>
#include <vector>

#include "migrate/remap_types.hpp"

namespace {

using namespace ashlar;
using namespace remap_tests;

constexpr range<os> usable{{0}, 16384};
constexpr range<> spares{{0x3c00}, 1024};

/// The worked example of the class comments, and what becomes of it.
template <class Table>
constexpr bool runs_at_compile_time() {
    static_assert(remapping<Table>);
    typename Table::word words[Table::metadata_words(usable, spares, 64)]{};
    Table moved;
    if (moved.attach(usable, spares, 64, words) != errc::ok) return false;
    if (moved.assign({0x800}, {0x3c00}) != errc::ok) return false;
    if (moved.translate({0x800}) != frame<>{0x3c00} || moved.translate({0x801}) != frame<>{0x801})
        return false;
    for (std::uint64_t i = 0; i < 20; ++i) {
        if (moved.assign({0x800 + i * i}, {0x3c00 + i}) != errc::ok) return false;
    }
    std::uint64_t sum = 0;
    moved.for_each([&](frame<os> origin, frame<> target) { sum += origin.number * 7 + target.number; });
    std::uint64_t expected = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
        if (moved.find({0x800 + i * i}).value() != frame<>{0x3c00 + i}) return false;
        expected += (0x800 + i * i) * 7 + 0x3c00 + i;
    }
    if (sum != expected || moved.size() != 20) return false;
    for (std::uint64_t i = 0; i < 20; ++i) {
        if (moved.erase({0x800 + i * i}) != errc::ok) return false;
        if (moved.find({0x800 + i * i}).error() != errc::not_owned) return false;
    }
    return moved.size() == 0 && moved.detach() == errc::ok;
}
static_assert(runs_at_compile_time<remap_table<>>());
static_assert(runs_at_compile_time<remap_hash<>>());
static_assert(runs_at_compile_time<remap_table<platform, narrow>>());
static_assert(runs_at_compile_time<remap_hash<platform, narrow>>());

// As the class comments have it: tables of static storage, before anything runs.
using default_table = remap_table<platform>;
using default_hash = remap_hash<platform>;
constinit default_table::word table_words[default_table::metadata_words(usable, spares, 1024)]{};
constinit default_hash::word hash_words[default_hash::metadata_words(usable, spares, 1024)]{};
constinit default_table static_table;
constinit default_hash static_hash;

TEST_CASE("the examples of the class comments") {
    REQUIRE(static_table.attach(usable, spares, 1024, table_words) == errc::ok);
    REQUIRE(static_hash.attach(usable, spares, 1024, hash_words) == errc::ok);
    CHECK(static_table.assign({0x800}, {0x3c00}) == errc::ok);
    CHECK(static_hash.assign({0x800}, {0x3c00}) == errc::ok);
    CHECK(static_table.translate({0x800}) == frame<>{0x3c00});
    CHECK(static_table.translate({0x801}) == frame<>{0x801});
    CHECK(static_hash.find({0x800}).value() == frame<>{0x3c00});
    CHECK(translate_address(static_table, 0x00800fff, 12) == 0x03c00fff);
    CHECK(translate_address(static_table, 0x00801000, 12) == 0x00801000);
}

// 10,000 pages of 4 KiB that are remapped, in a TiB: at most a MiB.
constexpr range<os> tebibyte{{0}, std::uint64_t{1} << 28};
constexpr range<> far_spares{{std::uint64_t{1} << 28}, std::uint64_t{1} << 20};
static_assert(remap_table<platform, remap_shape{.word_bits = 64}>::metadata_words(tebibyte, far_spares,
                                                                                  10000) *
                  8 <=
              std::size_t{1} << 20);
static_assert(remap_hash<platform, remap_shape{.word_bits = 64}>::metadata_words(tebibyte, far_spares,
                                                                                 10000) *
                  8 <=
              std::size_t{1} << 20);

TEST_CASE_TEMPLATE("addresses: 64 MiB with the highest 4 MiB as spares", Table, ALL_REMAP_TABLES) {
    attached<Table> with(usable, spares, 1024);
    REQUIRE(with.answer == errc::ok);
    REQUIRE(with.table.assign({0x800}, {0x3c00}) == errc::ok);
    const auto at = [&](std::uint64_t address) { return find_address(with.table, address, 12); };
    CHECK(at(0x007fffff).error() == errc::not_owned);
    CHECK(at(0x00800000).value() == 0x03c00000);
    CHECK(at(0x00800fff).value() == 0x03c00fff);
    CHECK(at(0x00801000).error() == errc::not_owned);
    CHECK(translate_address(with.table, 0x007fffff, 12) == 0x007fffff);
    CHECK(translate_address(with.table, 0x00800000, 12) == 0x03c00000);
    CHECK(translate_address(with.table, 0x00800fff, 12) == 0x03c00fff);
    CHECK(translate_address(with.table, 0x00801000, 12) == 0x00801000);
    CHECK(translate_address(with.table, ~std::uint64_t{0}, 12) == ~std::uint64_t{0});
}

TEST_CASE_TEMPLATE("a frame is as large as the granule: a cache line, a pageblock, a section", Table,
                   remap_table<>, remap_hash<>) {
    for (const unsigned shift : {6U, 21U, 27U}) {
        attached<Table> with({{16}, 64}, {{1000}, 4}, 4);
        REQUIRE(with.table.assign({17}, {1003}) == errc::ok);
        const std::uint64_t granule = std::uint64_t{1} << shift;
        CHECK(translate_address(with.table, 17 * granule - 1, shift) == 17 * granule - 1);
        CHECK(translate_address(with.table, 17 * granule, shift) == 1003 * granule);
        CHECK(translate_address(with.table, 18 * granule - 1, shift) == 1004 * granule - 1);
        CHECK(translate_address(with.table, 18 * granule, shift) == 18 * granule);
    }
}

TEST_CASE_TEMPLATE("refusals change nothing", Table, ALL_REMAP_TABLES) {
    constexpr range<os> origins{{100}, 50};
    constexpr range<> targets{{500}, 10};
    attached<Table> with(origins, targets, 3);
    Table& table = with.table;
    REQUIRE(with.answer == errc::ok);
    CHECK(table.attach(origins, targets, 3, with.words.words()) == errc::busy);
    CHECK(table.origins() == origins);
    CHECK(table.targets() == targets);
    CHECK(table.assign({99}, {500}) == errc::not_owned);
    CHECK(table.assign({150}, {500}) == errc::not_owned);
    CHECK(table.assign({100}, {499}) == errc::not_owned);
    CHECK(table.assign({100}, {510}) == errc::not_owned);
    CHECK(table.erase({99}) == errc::not_owned);
    CHECK(table.erase({150}) == errc::not_owned);
    CHECK(table.erase({120}) == errc::not_owned);
    CHECK(table.size() == 0);
    CHECK(table.capacity() == 3);

    REQUIRE(table.assign({100}, {500}) == errc::ok);
    REQUIRE(table.assign({149}, {509}) == errc::ok);
    REQUIRE(table.assign({101}, {501}) == errc::ok);
    CHECK(table.assign({120}, {502}) == errc::limit);
    CHECK(table.erase({120}) == errc::not_owned);
    CHECK(table.size() == 3);
    CHECK(table.find({120}).error() == errc::not_owned);
    // A full table still says something else of what it has.
    CHECK(table.assign({101}, {509}) == errc::ok);
    CHECK(table.find({101}).value() == frame<>{509});
    CHECK(table.size() == 3);
    CHECK(table.detach() == errc::busy);
    CHECK(table.erase({100}) == errc::ok);
    CHECK(table.erase({100}) == errc::not_owned);
    CHECK(table.find({149}).value() == frame<>{509});
    CHECK(table.assign({120}, {500}) == errc::ok);
    for (const std::uint64_t each : {101U, 120U, 149U}) CHECK(table.erase({each}) == errc::ok);
    CHECK(table.detach() == errc::ok);
    CHECK(table.assign({101}, {509}) == errc::not_owned);
    CHECK(table.translate({101}) == frame<>{101});
    CHECK(table.attach(origins, targets, 3, with.words.words()) == errc::ok);
    CHECK(table.size() == 0);
}

TEST_CASE_TEMPLATE("storage that does not do", Table, ALL_REMAP_TABLES) {
    using word = typename Table::word;
    constexpr range<os> origins{{100}, 50};
    constexpr range<> targets{{500}, 10};
    const std::size_t needed = Table::metadata_words(origins, targets, 3);
    testing::word_buffer<word> words(needed);
    Table table;
    const auto attach = [&](range<os> from, range<> to, std::size_t capacity) {
        CHECK(Table::metadata_words(from, to, capacity) == 0);
        return table.attach(from, to, capacity, words.words());
    };
    CHECK(attach({{100}, 0}, targets, 3) == errc::invalid);
    CHECK(attach(origins, {{500}, 0}, 3) == errc::invalid);
    CHECK(attach({{~std::uint64_t{0}}, 50}, targets, 3) == errc::invalid);
    CHECK(attach(origins, {{~std::uint64_t{0}}, 50}, 3) == errc::invalid);
    CHECK(attach(origins, targets, 0) == errc::invalid);
    // More than a word tells apart.
    constexpr unsigned half = Table::shape.word_bits / 2;
    CHECK(attach({{0}, std::uint64_t{1} << half}, {{0}, std::uint64_t{1} << (half - 1)}, 3) == errc::limit);
    CHECK(Table::metadata_words({{0}, (std::uint64_t{1} << half) - 1}, {{0}, std::uint64_t{1} << (half - 1)},
                                3) != 0);
    CHECK(attach({{0}, std::uint64_t{1} << 63}, {{0}, 1}, 3) == errc::limit);
    CHECK(table.attach(origins, targets, ~std::size_t{0}, words.words()) == errc::limit);
    CHECK(table.attach(origins, targets, 3, words.words().subview(0, needed - 1)) == errc::limit);
    CHECK(table.capacity() == 0);
    CHECK(table.translate({100}) == frame<>{100});
    CHECK(table.erase({100}) == errc::not_owned);
    CHECK(table.detach() == errc::ok);
    CHECK(table.attach(origins, targets, 3, words.words()) == errc::ok);
}

TEST_CASE_TEMPLATE("one origin, one target, at the ends of the number line", Table, ALL_REMAP_TABLES) {
    constexpr std::uint64_t last = ~std::uint64_t{0} - 1;
    attached<Table> with({{last}, 1}, {{0}, 1}, 5);
    REQUIRE(with.answer == errc::ok);
    CHECK(with.table.translate({last}) == frame<>{last});
    CHECK(with.table.translate({0}) == frame<>{0});
    REQUIRE(with.table.assign({last}, {0}) == errc::ok);
    CHECK(with.table.translate({last}) == frame<>{0});
    CHECK(with.table.translate({last - 1}) == frame<>{last - 1});
    CHECK(with.table.translate({last + 1}) == frame<>{last + 1});
}

TEST_CASE_TEMPLATE("a second writer is told: busy", Table, ALL_REMAP_TABLES) {
    attached<Table> with({{100}, 50}, {{500}, 10}, 3);
    REQUIRE(with.table.assign({100}, {500}) == errc::ok);
    // The turn is the first word: as if a writer had stopped inside.
    with.words.words()[0].store(1, memory_order::relaxed);
    CHECK(with.table.assign({101}, {501}) == errc::busy);
    CHECK(with.table.assign({100}, {501}) == errc::busy);
    CHECK(with.table.erase({100}) == errc::busy);
    CHECK(with.table.find({100}).value() == frame<>{500});
    CHECK(with.table.size() == 1);
    with.words.words()[0].store(0, memory_order::relaxed);
    CHECK(with.table.assign({100}, {501}) == errc::ok);
}

TEST_CASE("a reader who was overtaken keeps lines from being used again") {
    using table_type = remap_table<>;
    attached<table_type> with({{0}, 4096}, {{0}, 16}, 4);
    table_type& table = with.table;
    REQUIRE(table.assign({0}, {1}) == errc::ok);
    // As if one looked right now: the second word of the line after the writer's.
    auto& overtaken = with.words.words()[64 / sizeof(table_type::word) + 1];
    overtaken.store(1, memory_order::relaxed);
    CHECK(table.assign({1}, {2}) == errc::busy);
    CHECK(table.find({1}).error() == errc::not_owned);
    CHECK(table.size() == 1);
    CHECK(table.assign({0}, {3}) == errc::ok);     // needs no line
    CHECK(table.assign({4095}, {2}) == errc::ok);  // nor does this
    overtaken.store(0, memory_order::relaxed);
    CHECK(table.assign({1}, {2}) == errc::ok);
    CHECK(table.find({0}).value() == frame<>{3});
}

TEST_CASE("remap_table tells origins in order") {
    attached<remap_table<platform, wide>> with({{7}, 100000}, {{0}, 1000}, 1000);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        REQUIRE(with.table.assign({7 + i * 7919 % 100000}, {i}) == errc::ok);
    }
    std::vector<frame<os>> told;
    with.table.for_each([&](frame<os> origin, frame<>) { told.push_back(origin); });
    REQUIRE(told.size() == 1000);
    for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i - 1] < told[i]);
}

}  // namespace
