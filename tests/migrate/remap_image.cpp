// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The image of a table of remapped frames: it comes back, after a crash at any store, and refuses what is not
// one.
#include <doctest/doctest.h>

#include <ashlar/core/crc32c.hpp>
#include <ashlar/migrate/remap_image.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <map>
#include <vector>

#include "migrate/remap_types.hpp"

namespace {

using namespace ashlar;
using namespace remap_tests;
using mappings = std::map<std::uint64_t, std::uint64_t>;

constexpr range<os> origins{{100}, 5000};
constexpr range<> targets{{9000}, 64};

constexpr std::uint32_t sum_of(const char* text) {
    crc32c sum;
    for (; *text != 0; ++text) sum.add(static_cast<std::byte>(*text));
    return sum.value();
}
static_assert(sum_of("") == 0);
static_assert(sum_of("123456789") == 0xe3069283);  // RFC 3720 and everybody

constexpr bool comes_back_at_compile_time() {
    using table = remap_table<>;
    table::word words[table::metadata_words(origins, targets, 4)]{};
    table::word others[table::metadata_words(origins, targets, 4)]{};
    std::byte kept[remap_image<>::bytes_for(4)]{};
    table moved;
    table back;
    const remap_image<> image{kept};
    (void)moved.attach(origins, targets, 4, words);
    (void)back.attach(origins, targets, 4, others);
    (void)moved.assign({100}, {9001});
    (void)moved.assign({105}, {9000});
    return image.generation() == 0 && image.save(moved) == errc::ok && image.generation() == 1 &&
           image.load(back) == errc::ok && back.size() == 2 && back.find({100}).value() == frame<>{9001} &&
           back.find({105}).value() == frame<>{9000};
}
static_assert(comes_back_at_compile_time());

template <class Table>
mappings all_of(const Table& table) {
    mappings all;
    table.for_each([&](frame<os> origin, frame<> target) { all[origin.number] = target.number; });
    return all;
}
mappings loaded_from(const std::vector<std::byte>& kept, errc expected = errc::ok) {
    auto copy = kept;
    attached<remap_table<>> with(origins, targets, 64);
    CHECK(remap_image<>({copy.data(), copy.size()}).load(with.table) == expected);
    return all_of(with.table);
}
void put(std::vector<std::byte>& kept, std::size_t at, std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) kept[at + i] = static_cast<std::byte>(value >> (8 * i));
}
/// One copy as an enemy may write it: with a CRC that is right.
void forge(std::vector<std::byte>& kept, std::size_t at, std::uint64_t generation,
           const std::vector<std::pair<std::uint64_t, std::uint64_t>>& entries) {
    for (std::size_t i = 0; i < 8; ++i) kept[at + i] = static_cast<std::byte>("AshRemap"[i]);
    put(kept, at + 12, 1, 4);
    put(kept, at + 16, generation, 8);
    put(kept, at + 24, entries.size(), 8);
    std::size_t end = at + 32;
    for (const auto& [origin, target] : entries) {
        put(kept, end, origin, 8);
        put(kept, end + 8, target, 8);
        end += 16;
    }
    crc32c sum;
    for (std::size_t i = at + 12; i < end; ++i) sum.add(kept[i]);
    put(kept, at + 8, sum.value(), 4);
}

TEST_CASE_TEMPLATE("what is saved comes back, in the other table too", Table, remap_table<>, remap_hash<>) {
    std::vector<std::byte> kept(remap_image<>::bytes_for(64));
    const remap_image<> image{{kept.data(), kept.size()}};
    CHECK(!image.for_each([](frame<os>, frame<>) {}));
    CHECK(loaded_from(kept, errc::corrupt).empty());
    attached<Table> with(origins, targets, 64);
    REQUIRE(image.save(with.table) == errc::ok);
    CHECK(loaded_from(kept).empty());
    testing::random_bits random(5);
    for (unsigned round = 1; round <= 50; ++round) {
        const frame<os> origin = origins.first + random() % origins.count;
        if (with.table.assign(origin, targets.first + random() % 64) != errc::ok) break;
        if (round % 7 == 0) REQUIRE(with.table.erase(origin) == errc::ok);
        REQUIRE(image.save(with.table) == errc::ok);
        CHECK(image.generation() == round + 1);
        CHECK(loaded_from(kept) == all_of(with.table));
        // At boot, before there is a table: what is retired.
        mappings told;
        CHECK(image.for_each([&](frame<os> from, frame<> to) { told[from.number] = to.number; }));
        CHECK(told == all_of(with.table));
    }
}

/// Stores so many bytes, then the CPU stops.
struct stopping {
    inline static std::uint64_t left = 0;
    inline static std::uint64_t stored = 0;
    static void store(std::byte& place, std::byte value) {
        if (left == 0) return;
        --left;
        ++stored;
        place = value;
    }
    static void barrier(bytes) {}
};

TEST_CASE("a crash at any store leaves the image before, or the one after") {
    attached<remap_table<>> with(origins, targets, 8);
    std::vector<std::byte> kept(remap_image<>::bytes_for(8));
    std::uint64_t crashes = 0;
    for (std::uint64_t round = 0; round < 6; ++round) {
        const mappings before = all_of(with.table);
        if (round != 0) REQUIRE(loaded_from(kept) == before);
        REQUIRE(with.table.assign(origins.first + round * 3, targets.first + round) == errc::ok);
        if (round == 4) REQUIRE(with.table.erase(origins.first + 3) == errc::ok);
        const mappings after = all_of(with.table);
        const auto image_after = [&](std::uint64_t stores) {
            std::vector<std::byte> stopped = kept;
            stopping::left = stores;
            stopping::stored = 0;
            const remap_image<stopping> image{{stopped.data(), stopped.size()}};
            REQUIRE(image.save(with.table) == errc::ok);
            return stopped;
        };
        const auto whole = image_after(~std::uint64_t{0});
        const std::uint64_t stores = stopping::stored;
        for (std::uint64_t i = 0; i < stores; ++i) {
            const auto stopped = image_after(i);
            ++crashes;
            if (round == 0) {
                (void)loaded_from(stopped, errc::corrupt);
                continue;
            }
            REQUIRE(loaded_from(stopped) == before);
            // And the next save works from there.
            std::vector<std::byte> again = stopped;
            REQUIRE(remap_image<>({again.data(), again.size()}).save(with.table) == errc::ok);
            REQUIRE(loaded_from(again) == after);
        }
        REQUIRE(loaded_from(whole) == after);
        kept = whole;
    }
    CHECK(crashes > 300);
}

/// Notes what is stored after the last barrier, and what barriers cover.
struct ordered {
    inline static std::vector<std::size_t> since_barrier;
    inline static std::vector<std::size_t> sizes;
    inline static std::size_t stores = 0;
    static void store(std::byte& place, std::byte value) {
        ++stores;
        place = value;
    }
    static void barrier(bytes covered) {
        since_barrier.push_back(stores);
        sizes.push_back(covered.size());
        stores = 0;
    }
};

TEST_CASE("barriers: the copy is invalid, then whole but for one byte, then valid") {
    attached<remap_table<>> with(origins, targets, 8);
    REQUIRE(with.table.assign({100}, {9000}) == errc::ok);
    std::vector<std::byte> kept(remap_image<>::bytes_for(8));
    REQUIRE(remap_image<ordered>({kept.data(), kept.size()}).save(with.table) == errc::ok);
    CHECK(ordered::since_barrier == std::vector<std::size_t>{1, 32 + 16 - 1, 1});
    CHECK(ordered::sizes == std::vector<std::size_t>{1, 32 + 16, 1});
}

TEST_CASE("one bit wrong anywhere: the other copy loads") {
    attached<remap_table<>> with(origins, targets, 4);
    std::vector<std::byte> kept(remap_image<>::bytes_for(4));
    const remap_image<> image{{kept.data(), kept.size()}};
    REQUIRE(with.table.assign({100}, {9000}) == errc::ok);
    REQUIRE(image.save(with.table) == errc::ok);
    const mappings before = all_of(with.table);
    REQUIRE(with.table.assign({101}, {9001}) == errc::ok);
    REQUIRE(image.save(with.table) == errc::ok);
    const mappings after = all_of(with.table);
    unsigned older = 0;
    unsigned newer = 0;
    for (std::size_t bit = 0; bit < kept.size() * 8; ++bit) {
        auto wrong = kept;
        wrong[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
        const mappings now = loaded_from(wrong);
        const bool is_known = now == before || now == after;
        REQUIRE(is_known);
        (now == before ? older : newer) += 1;
    }
    CHECK(older == (32 + 2 * 16) * 8);  // every bit of the newer copy is covered
    CHECK(newer == kept.size() * 8 - older);
}

TEST_CASE("forged images: a typed error, and the table is as it was") {
    std::vector<std::byte> kept(remap_image<>::bytes_for(8));
    const std::size_t second = kept.size() / 2;
    const auto refuses = [&](errc expected, auto& with, const mappings& as_before = {}) {
        CHECK(remap_image<>({kept.data(), kept.size()}).load(with.table) == expected);
        CHECK(all_of(with.table) == as_before);
        CHECK(with.table.size() == as_before.size());
    };
    attached<remap_table<>> with(origins, targets, 3);
    forge(kept, 0, 1, {{100, 9000}, {101, 9001}, {100, 9002}});
    refuses(errc::corrupt, with);
    forge(kept, 0, 1, {{100, 9000}, {99, 9001}});
    refuses(errc::not_owned, with);
    forge(kept, 0, 1, {{100, 9000}, {101, 9064}});
    refuses(errc::not_owned, with);
    forge(kept, 0, 1, {{~std::uint64_t{0}, ~std::uint64_t{0}}});
    refuses(errc::not_owned, with);
    forge(kept, 0, 1, {{100, 9000}, {101, 9001}, {102, 9002}, {103, 9003}});
    refuses(errc::limit, with);
    // More entries than there are bytes; a sum that wraps.
    for (const std::uint64_t count : {std::uint64_t{9}, ~std::uint64_t{0}, std::uint64_t{1} << 60}) {
        forge(kept, 0, 1, {{100, 9000}});
        put(kept, 24, count, 8);
        refuses(errc::corrupt, with);
    }
    forge(kept, 0, 1, {{100, 9000}});
    put(kept, 12, 2, 4);  // a later version
    refuses(errc::corrupt, with);
    // Generations: the later one, also where they came round.
    forge(kept, 0, ~std::uint64_t{0}, {{100, 9000}});
    forge(kept, second, 0, {{101, 9001}});
    CHECK(loaded_from(kept) == mappings{{101, 9001}});
    forge(kept, 0, 7, {{100, 9000}});
    forge(kept, second, 6, {{101, 9001}});
    CHECK(loaded_from(kept) == mappings{{100, 9000}});
    // Of two that say the same one counts, and a save keeps it.
    forge(kept, second, 7, {{101, 9001}});
    const mappings now = loaded_from(kept);
    auto stopped = kept;
    stopping::left = 5;
    CHECK(remap_image<stopping>({stopped.data(), stopped.size()}).save(with.table) == errc::ok);
    CHECK(loaded_from(stopped) == now);
    // Something is mapped already; a writer is inside.
    REQUIRE(with.table.assign({105}, {9005}) == errc::ok);
    refuses(errc::busy, with, {{105, 9005}});
    REQUIRE(with.table.erase({105}) == errc::ok);
    with.words.words()[0].store(1, memory_order::relaxed);
    refuses(errc::busy, with);
}

TEST_CASE("bytes that are too few") {
    attached<remap_table<>> with(origins, targets, 3);
    REQUIRE(with.table.assign({100}, {9000}) == errc::ok);
    std::vector<std::byte> kept(remap_image<>::bytes_for(1));
    for (std::size_t size = 0; size < kept.size(); ++size) {
        CHECK(remap_image<>({kept.data(), size}).save(with.table) == errc::limit);
        CHECK(remap_image<>({kept.data(), size}).generation() == 0);
    }
    for (const std::byte each : kept) CHECK(each == std::byte{0});
    CHECK(remap_image<>({kept.data(), kept.size()}).save(with.table) == errc::ok);
    REQUIRE(with.table.assign({101}, {9001}) == errc::ok);
    CHECK(remap_image<>({kept.data(), kept.size()}).save(with.table) == errc::limit);
    CHECK(loaded_from(kept) == mappings{{100, 9000}});
    CHECK(remap_image<>::bytes_for(~std::size_t{0}) == 0);
}

/// A table that tells more, or less, than it counted: a writer was inside.
struct unsteady {
    std::size_t counted;
    std::size_t told;
    [[nodiscard]] frame<> translate(frame<os> origin) const { return {origin.number}; }
    [[nodiscard]] result<frame<>> find(frame<os>) const { return errc::not_owned; }
    errc assign(frame<os>, frame<>) { return errc::busy; }
    errc erase(frame<os>) { return errc::busy; }
    [[nodiscard]] std::size_t size() const { return counted; }
    [[nodiscard]] std::size_t capacity() const { return 8; }
    template <class Sink>
    void for_each(Sink&& sink) const {
        for (std::size_t i = 0; i < told; ++i) sink(frame<os>{i}, frame<>{i});
    }
};

TEST_CASE("a table that changes while it is saved: busy, and the image is as it was") {
    attached<remap_table<>> with(origins, targets, 3);
    REQUIRE(with.table.assign({100}, {9000}) == errc::ok);
    std::vector<std::byte> kept(remap_image<>::bytes_for(2));
    const remap_image<> image{{kept.data(), kept.size()}};
    REQUIRE(image.save(with.table) == errc::ok);
    CHECK(image.save(unsteady{2, 5}) == errc::busy);
    CHECK(loaded_from(kept) == mappings{{100, 9000}});
    CHECK(image.save(unsteady{2, 1}) == errc::busy);
    CHECK(loaded_from(kept) == mappings{{100, 9000}});
}

}  // namespace
