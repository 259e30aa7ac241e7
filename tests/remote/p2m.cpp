// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Walks through P2M tables, right ones and hostile ones.
#include <doctest/doctest.h>

#include <ashlar/testing/random_bits.hpp>
#include <map>
#include <vector>

#include "remote/p2m_tables.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

constexpr byte_range<peer> declared[] = {{{0x10'0000}, 0x10'0000}, {{0x4000'0000}, 0x4000'0000}};

/// Maps pages as a domain's builder would.
template <class Format>
struct table_builder {
    std::map<std::uint64_t, std::uint64_t> words;
    std::uint64_t next = 0x11'0000;
    std::uint64_t root = 0x10'0000;

    void map(std::uint64_t page, std::uint64_t target, unsigned to_level) {
        unsigned below = 0;
        for (unsigned level = 0; level + 1 < Format::levels; ++level) below += Format::index_bits(level);
        std::uint64_t table = root;
        std::uint64_t index = page >> below;
        for (unsigned level = Format::levels - 1; level > to_level; --level) {
            std::uint64_t& entry = words[table + index * 8];
            if (entry == 0) {
                entry = next | 1;
                next += 0x1000;
            }
            table = entry & ~std::uint64_t{0xfff};
            below -= Format::index_bits(level - 1);
            index = page >> below & 511;
        }
        words[table + index * 8] = target | (to_level == 0 ? 1U : 3U);
    }
    [[nodiscard]] std::uint64_t word(std::uint64_t at) const {
        const auto found = words.find(at);
        return found == words.end() ? 0 : found->second;
    }
};

template <unsigned Levels>
void walks() {
    using format = tree_p2m<Levels>;
    table_builder<format> built;
    const p2m_table table{{built.root}, {0x70000}, 64};
    testing::random_bits random(Levels);
    std::map<std::uint64_t, std::uint64_t> pages;
    const std::uint64_t span = std::uint64_t{64} << (9 * (Levels - 1) < 12 ? 9 * (Levels - 1) : 12);
    for (int i = 0; i < 60; ++i) {
        const std::uint64_t page = random() % span;
        const std::uint64_t target = 0x5000'0000 + (random() % 0x1000 << 12);
        pages[page] = target;
        built.map(page, target, 0);
    }
    const auto read = [&](byte_address<peer> at) { return result<std::uint64_t>(built.word(at.value)); };
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t page =
            i % 2 == 0 ? random() % span : std::next(pages.begin(), long(random() % pages.size()))->first;
        const std::uint64_t offset = random() % 0x1000;
        const auto found = walk_p2m<format>(table, declared, {(0x70000 + page) * 0x1000 + offset}, read);
        REQUIRE(found);
        const auto expected = pages.find(page);
        REQUIRE(found->is_mapped == (expected != pages.end()));
        if (!found->is_mapped) continue;
        CHECK(found->at.value == expected->second + offset);
        CHECK(found->bytes == 0x1000 - offset);
    }
    if (Levels > 1) {  // a huge leaf
        built.words.clear();
        built.map(0, 0x6000'0000, 1);
        const auto found = walk_p2m<format>(table, declared, {(0x70000 + 5) * 0x1000 + 7}, read);
        REQUIRE(found);
        CHECK(found->at.value == 0x6000'5007);
        CHECK(found->bytes == (std::uint64_t{1} << 21) - 0x5007);
        CHECK(found->level == 1);
        built.map(0, 0x6000'1000, 1);  // not at a multiple of its size
        CHECK(walk_p2m<format>(table, declared, {0x7000'0000}, read).error() == errc::corrupt);
        built.map(0, 0x8000'0000, 1);  // behind what is declared
        CHECK(walk_p2m<format>(table, declared, {0x7000'0000}, read).error() == errc::corrupt);
    }
    CHECK(walk_p2m<format>(table, declared, {0x6fff'ffff}, read).error() == errc::unmapped);
    const std::uint64_t end = 0x70000 + (std::uint64_t{64} << (9 * (Levels - 1)));
    CHECK(walk_p2m<format>(table, declared, {end << 12}, read).error() == errc::unmapped);
}

TEST_CASE("tables of one to four levels, and huge leaves") {
    walks<1>();
    walks<2>();
    walks<3>();
    walks<4>();
}

TEST_CASE("vector: the flat table of server M") {
    std::uint64_t asked = 0;
    const auto read = [&](byte_address<peer> at) {
        asked = at.value;
        return result<std::uint64_t>(0x345);
    };
    const byte_range<peer> all[] = {{{0}, 0x8000'0000}};
    const auto found = walk_p2m<flat_p2m<>>({{0x20'0000}, {0x70000}, 0x10000}, all, {0x7000'0010}, read);
    REQUIRE(found);
    CHECK(asked == 0x20'0000);
    CHECK(found->at.value == 0x34'5010);
    CHECK(found->bytes == 0xff0);
}

TEST_CASE("a hostile table leads nowhere") {
    const auto all_ones = [](std::uint64_t) { return ~std::uint64_t{0}; };
    const p2m_table table{{0x10'0000}, {0}, 512};
    const byte_address<guest> anywhere{0x12'3456'7890};
    CHECK(judge_walk<tree_p2m<4>>(table, declared, anywhere, all_ones) == nullptr);
    const auto same = [&](auto word, byte_address<guest> at) {
        return walk_p2m<tree_p2m<4>>(table, declared, at, [&](byte_address<peer> entry) {
            return result<std::uint64_t>(word(entry.value));
        });
    };
    CHECK(same(all_ones, anywhere).error() == errc::corrupt);
    // Every table is the root again.
    unsigned reads = 0;
    const auto loop = [&](std::uint64_t) {
        ++reads;
        return std::uint64_t{0x10'0001};
    };
    const auto found = same(loop, anywhere);
    REQUIRE(found);
    CHECK(reads == 4);
    CHECK(found->at.value == 0x10'0890);
    CHECK(same([](std::uint64_t) { return std::uint64_t{0x9000'0001}; }, anywhere).error() == errc::corrupt);
    CHECK(same([](std::uint64_t) { return std::uint64_t{2}; }, anywhere)->is_mapped == false);
    // A table that is partly outside; addresses that wrap.
    CHECK(walk_p2m<flat_p2m<>>({{0x1f'fff8}, {0}, 9}, declared, {0x1000}, [](byte_address<peer>) {
              return result<std::uint64_t>(1);
          }).error() == errc::corrupt);
    CHECK(walk_p2m<flat_p2m<>>({{~std::uint64_t{7}}, {0}, ~std::uint64_t{0}}, declared, {0x1000'0000},
                               [](byte_address<peer>) { return result<std::uint64_t>(1); })
              .error() == errc::corrupt);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0004}, {0}, 9}, declared, {0x1000}, [](byte_address<peer>) {
              return result<std::uint64_t>(1);
          }).error() == errc::corrupt);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0000}, {0}, 9}, declared, {0x1000}, [](byte_address<peer>) {
              return result<std::uint64_t>(std::uint64_t{1} << 60);
          }).error() == errc::corrupt);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0000}, {0}, 9}, declared, {0x1000}, [](byte_address<peer>) {
              return result<std::uint64_t>(errc::revoked);
          }).error() == errc::revoked);
}

template <class Format>
void random_tables(std::uint64_t seed) {
    testing::random_bits random(seed);
    for (int round = 0; round < 3000; ++round) {
        std::map<std::uint64_t, std::uint64_t> words;
        const auto word = [&](std::uint64_t at) {
            auto [found, is_new] = words.try_emplace(at);
            if (is_new) {
                const std::uint64_t kind = random() % 8;
                found->second = kind == 0   ? ~std::uint64_t{0}
                                : kind == 1 ? random()
                                : kind < 5  ? (0x10'0000 + random() % 0x10'0000) | 1
                                            : (0x4000'0000 + (random() % 0x8000 << 17)) | random() % 4;
            }
            return found->second;
        };
        const p2m_table table{{0x10'0000 + (random() % 0x20000) / (random() % 4 == 0 ? 1 : 8) * 8},
                              {random() % 2 == 0 ? 0 : random() >> 16},
                              random() % 3 == 0 ? random() : random() % 600};
        const byte_address<guest> at{random() % 2 == 0 ? random() : random() % 0x100'0000'0000};
        const char* const wrong = judge_walk<Format>(table, declared, at, word);
        REQUIRE_MESSAGE(wrong == nullptr, (wrong == nullptr ? "" : wrong));
    }
}

TEST_CASE("model: random tables never lead a walk astray") {
    random_tables<tree_p2m<1>>(1);
    random_tables<tree_p2m<2>>(2);
    random_tables<tree_p2m<3>>(3);
    random_tables<tree_p2m<4>>(4);
    random_tables<flat_p2m<>>(5);
    random_tables<flat_p2m<16>>(6);
}

TEST_CASE("walks that would lead past the end of addresses, or before the table") {
    const byte_range<peer> all[] = {{{0x10'0000}, 0x10'0000}};
    std::uint64_t reads = 0;
    const auto valid = [&](byte_address<peer>) {
        ++reads;
        return result<std::uint64_t>(0x100);
    };
    // The entries of a table at the very end go on, as addresses, at 0x10'0000.
    const p2m_table past_the_end{{~std::uint64_t{0} - 7}, {0}, ~std::uint64_t{0}};
    CHECK(walk_p2m<flat_p2m<>>(past_the_end, all, {std::uint64_t{0x2'0001} << 12}, valid).error() ==
          errc::corrupt);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0004}, {0}, 9}, all, {0x1000}, valid).error() == errc::corrupt);
    CHECK(reads == 0);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0000}, {9}, ~std::uint64_t{0}}, all, {0x1000}, valid).error() ==
          errc::unmapped);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0000}, {1}, 9}, all, {0x1000}, valid)->at.value == 0x10'0000);
    CHECK(reads == 1);
}

/// One whose upper level is a block of all addresses.
struct wide_p2m {
    static constexpr unsigned levels = 2;
    static constexpr unsigned page_shift = 12;
    static constexpr unsigned index_bits(unsigned level) noexcept { return level == 0 ? 52 : 1; }
    static constexpr bool is_valid(std::uint64_t, unsigned) noexcept { return true; }
    static constexpr bool is_leaf(std::uint64_t, unsigned level) noexcept { return level != 0; }
    static constexpr std::uint64_t address_of(std::uint64_t, unsigned) noexcept { return 0; }
};
static_assert(p2m_format<wide_p2m>);

TEST_CASE("a block that is as large as all addresses is none") {
    const byte_range<peer> all[] = {{{0}, ~std::uint64_t{0}}};
    const auto read = [](byte_address<peer>) { return result<std::uint64_t>(1); };
    CHECK(walk_p2m<wide_p2m>({{0x1000}, {0}, 1}, all, {0x5000}, read).error() == errc::corrupt);
}

}  // namespace
