// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "firmware/fdt_writer.hpp"
#include "firmware/random.hpp"
#include "firmware/setup.hpp"

// Places of reservations against a search page by page, from the top, over all that a tree says.
namespace {

using ashlar::errc;
using ashlar::fdt_reservation;
using firmware_tests::fdt_writer;
using firmware_tests::random;
using firmware_tests::rounds_of;
using firmware_tests::setup;

constexpr std::uint32_t page = 0x1000;
constexpr std::size_t pages = 128;
constexpr int nobody = -1;

struct wish {
    std::uint32_t size = 0;
    std::uint32_t alignment = 1;
    bool has_ranges = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;  ///< {first byte, bytes}
};

/// Of each page the node whose memory it is and that is free.
struct model {
    std::array<int, pages> free_on{};
    std::array<bool, pages> hot{};

    model() { free_on.fill(nobody); }

    /// First page, or `pages`.
    [[nodiscard]] std::size_t topmost(std::uint64_t begin, std::uint64_t end, const wish& wanted) const {
        const std::size_t count = (wanted.size + page - 1) / page;
        for (std::size_t first = pages; first-- > 0;) {
            const std::uint64_t at = first * page;
            if (at % wanted.alignment != 0 || at < begin || at + count * page > end || first + count > pages)
                continue;
            bool fits = true;
            for (std::size_t i = first; i < first + count; ++i) {
                fits = fits && free_on[i] != nobody && free_on[i] == free_on[first] && !hot[i];
            }
            if (fits) return first;
        }
        return pages;
    }
    [[nodiscard]] std::size_t place(const wish& wanted) {
        std::size_t first = pages;
        if (!wanted.has_ranges) first = topmost(0, pages * page, wanted);
        for (const auto& [begin, size] : wanted.ranges) {
            if (first == pages) first = topmost(begin, std::uint64_t{begin} + size, wanted);
        }
        if (first == pages) return pages;
        for (std::size_t i = first; i < first + (wanted.size + page - 1) / page; ++i) free_on[i] = nobody;
        return first;
    }
};

wish any_wish(random& choose) {
    wish wanted;
    wanted.size = static_cast<std::uint32_t>(1 + choose.below(choose.one_in(3) ? 24 * page : 4 * page));
    if (choose.one_in(2)) wanted.alignment = 1u << choose.below(18);
    wanted.has_ranges = choose.one_in(2);
    for (std::size_t i = choose.below(3); wanted.has_ranges && i-- > 0;) {
        wanted.ranges.emplace_back(choose.below(pages * page), choose.below(48 * page));
    }
    return wanted;
}

TEST_CASE("random trees: every reservation is placed where a search from the top finds it, or nowhere") {
    std::size_t placed = 0;
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= rounds_of(600); ++seed) {
        random choose(seed);
        model expected;
        const auto tree = std::make_unique<fdt_writer>();
        tree->root();
        for (std::uint32_t at = 0; at < pages;) {
            const auto count = static_cast<std::uint32_t>(4 + choose.below(40));
            const std::uint32_t end = at + count < pages ? at + count : pages;
            const auto node = static_cast<std::uint32_t>(choose.below(2));
            const bool hot = choose.one_in(5);
            if (!choose.one_in(5)) {
                tree->memory({at * page, (end - at) * page}).cells("numa-node-id", {node});
                if (hot) tree->flag("hotpluggable");
                tree->end();
                for (std::size_t i = at; i < end; ++i) {
                    expected.free_on[i] = static_cast<int>(node);
                    expected.hot[i] = hot;
                }
            }
            at = end;
        }
        tree->begin("reserved-memory").cells("#address-cells", {1}).cells("#size-cells", {1}).flag("ranges");
        std::vector<wish> wishes;
        for (unsigned i = 0; i < 8; ++i) {
            if (choose.one_in(3)) {
                const auto first = static_cast<std::uint32_t>(choose.below(pages * page));
                const auto size = static_cast<std::uint32_t>(1 + choose.below(6 * page));
                tree->begin("static").cells("reg", {first, size}).end();
                for (std::size_t j = first / page; j <= (first + size - 1) / page && j < pages; ++j) {
                    expected.free_on[j] = nobody;
                }
                continue;
            }
            wishes.push_back(any_wish(choose));
            const wish& wanted = wishes.back();
            tree->begin("dynamic").cells("size", {wanted.size}).cells("alignment", {wanted.alignment});
            if (wanted.ranges.size() == 2) {
                tree->cells("alloc-ranges", {wanted.ranges[0].first, wanted.ranges[0].second,
                                             wanted.ranges[1].first, wanted.ranges[1].second});
            } else if (wanted.ranges.size() == 1) {
                tree->cells("alloc-ranges", {wanted.ranges[0].first, wanted.ranges[0].second});
            } else if (wanted.has_ranges) {
                tree->cells("alloc-ranges", {});
            }
            tree->end();
        }
        tree->end();

        const auto s = std::make_unique<setup>();
        std::vector<std::size_t> places;
        REQUIRE(
            ashlar::read_fdt(tree->sealed(), s->map, s->nodes, s->defects, [&](const fdt_reservation& one) {
                if (one.placed) places.push_back(static_cast<std::size_t>(one.begin / page));
            }) == errc::ok);
        std::vector<std::size_t> wanted_places;
        for (const wish& wanted : wishes) {
            const std::size_t first = expected.place(wanted);
            if (first == pages) {
                ++refused;
            } else {
                wanted_places.push_back(first);
                ++placed;
            }
        }
        REQUIRE_MESSAGE(places == wanted_places, "seed ", seed);
        std::size_t free_pages = 0;
        for (const int node : expected.free_on) free_pages += node != nobody ? 1 : 0;
        REQUIRE_MESSAGE(s->map.usable_frames() == free_pages, "seed ", seed);
    }
    CHECK(placed > 100);
    CHECK(refused > 100);
}

}  // namespace
