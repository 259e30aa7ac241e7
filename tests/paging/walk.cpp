// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The walker over tables that nobody has to be trusted with.
#include <doctest/doctest.h>

#include <ashlar/paging/page_walk.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdint>
#include <map>
#include <utility>

#include "paging/formats.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// At compile time: one page and one block of Sv39, in tables of frames 1 to 3.
constexpr result<std::uint64_t> sv39_entry(frame<guest> table, std::uint64_t index) {
    if (table.number == 1 && index == 0) return sv39::table(2);
    if (table.number == 1 && index == 511) return sv39::table(9);
    if (table.number == 2 && index == 1) return sv39::leaf(0x400, {.write = true}, 1);
    if (table.number == 2 && index == 3) return sv39::table(3);
    if (table.number == 3 && index == 7) return sv39::leaf(0x777, {.execute = true}, 0, 2);
    if (table.number == 3 && index == 8) return sv39::absent(0x123);
    if (table.number == 3 && index == 9) return std::uint64_t{5};
    if (table.number > 3) return errc::not_owned;
    return std::uint64_t{0};
}
constexpr auto walked(std::uint64_t address) {
    return walk<sv39>(frame<guest>{1}, address, sv39_entry);
}
static_assert(walked(0x60'7abc)->target<guest>() == frame<guest>{0x777});
static_assert(walked(0x60'7abc)->level == 0 && walked(0x60'7abc)->permissions().execute);
static_assert(walked(0x60'7abc)->table == frame<guest>{3} && walked(0x60'7abc)->index == 7);
static_assert(walked(0x3f'f123)->target() == frame<>{0x5ff} && walked(0x3f'f123)->first() == frame<>{0x400});
static_assert(walked(0x3f'f123)->level == 1 && walked(0x3f'f123)->pages() == 512);
static_assert(!walked(0x60'8000)->is_mapped() && sv39::payload_of(walked(0x60'8000)->entry) == 0x123);
static_assert(!walked(0x80'0000)->is_mapped() && walked(0x80'0000)->level == 1);
static_assert(walked(0x60'9000).error() == errc::corrupt);
static_assert(walked(0xffff'ffff'c000'0000).error() == errc::not_owned);
static_assert(walked(0x40'0000'0000).error() == errc::invalid);

/// A root of several frames: the upper index bits choose the frame.
static_assert(walk<sv39x4>(frame<>{4}, 0x1ff'c000'0000, [](frame<> table, std::uint64_t index) {
                  return result<std::uint64_t>(table.number * 0x1000 + index * 2);
              })->table == frame<>{7});

/// Random entries, any of them: the walk ends, and reads what it may read alone.
template <class Format>
void leads_nowhere(const char* name) {
    CAPTURE(name);
    constexpr range<> ram{{0x80}, 64};
    random_bits random(11);
    std::uint64_t mapped = 0;
    std::uint64_t corrupt = 0;
    std::uint64_t refused = 0;
    for (unsigned i = 0; i < 3000; ++i) {
        std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> memory;
        unsigned reads = 0;
        const auto read = [&](frame<> table, std::uint64_t index) -> result<std::uint64_t> {
            ++reads;
            REQUIRE(index < std::uint64_t{1} << Format::index_bits);
            if (!ram.contains(table)) return errc::not_owned;
            const auto [place, fresh] = memory.try_emplace({table.number, index}, random());
            if (fresh && random() % 4 != 0) {
                const unsigned level = Format::levels - reads;
                const std::uint64_t next = random() % 8 == 0 ? random() % 0x1000 : 0x80 + random() % 64;
                const bool leaf = Format::may_be_leaf(level) && (level == 0 || random() % 4 == 0);
                place->second = leaf ? Format::leaf(random() % 0x1000'0000, {}, level) : Format::table(next);
                if (random() % 8 == 0) place->second |= random();
            }
            return place->second;
        };
        const std::uint64_t anywhere = random();
        const std::uint64_t inside =
            anywhere & ~(~std::uint64_t{0} << (page_geometry<Format>::address_bits - 1));
        const std::uint64_t address = Format::valid_address(inside)
                                          ? inside
                                          : anywhere | ~std::uint64_t{0}
                                                           << (page_geometry<Format>::address_bits - 1);
        const auto found = walk<Format>(ram.first, address, read);
        REQUIRE(reads <= Format::levels);
        REQUIRE(found.error() != errc::invalid);
        corrupt += found.error() == errc::corrupt ? 1 : 0;
        refused += found.error() == errc::not_owned ? 1 : 0;
        if (!found || !found->is_mapped()) continue;
        ++mapped;
        REQUIRE(Format::is_leaf(found->entry, found->level));
        REQUIRE(Format::may_be_leaf(found->level));
        REQUIRE(ram.contains(found->table));
        REQUIRE((found->target().number >> (Format::physical_bits - Format::page_shift)) == 0);
        REQUIRE(
            block(found->first(), page_geometry<Format>::order_of(found->level)).contains(found->target()));
    }
    CHECK(mapped > 10);
    CHECK(corrupt > 10);
    CHECK(refused > 10);
}

TEST_CASE("hostile tables: the walk ends, is told what is wrong, and never leaves the memory it may read") {
    for_each_format([]<class Format>(const char* name) { leads_nowhere<Format>(name); });
}

}  // namespace
