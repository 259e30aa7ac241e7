// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/memory_map.hpp>

#include <cstdint>
#include <vector>

#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::errc;
using ashlar::frame;
using ashlar::memory_entry;
using ashlar::memory_kind;
using ashlar::memory_map;
using ashlar::usable_run;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::well_formed;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

std::vector<usable_run> runs_of(const memory_map& map) {
    std::vector<usable_run> runs;
    map.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
    return runs;
}

constexpr ashlar::range<> frames(std::uint64_t first, std::uint64_t count) {
    return {frame<>{first}, count};
}

TEST_CASE("the example of the class comment") {
    ashlar::memory_entry entries[64];
    ashlar::memory_map map{entries};
    (void)map.add(0x0, 0x9a800, ashlar::memory_kind::usable);
    (void)map.add(0x9a800, 0xa0000, ashlar::memory_kind::reserved);
    (void)map.mirror(0x0, 0x8000);
    CHECK(runs_of(map) == std::vector<usable_run>{{frames(0, 8), any_node, true, false},
                                                  {frames(8, 0x92), any_node, false, false}});
}

TEST_CASE("what touches and is alike is one entry") {
    setup s;
    CHECK(s.map.add(0x3000, 0x4000, usable) == errc::ok);
    CHECK(s.map.add(0x1000, 0x2000, usable) == errc::ok);
    CHECK(s.map.entries().size() == 2);
    CHECK(s.map.add(0x2000, 0x3000, usable) == errc::ok);
    CHECK(s.holds({{0x1000, 0x4000, usable}}));
}

TEST_CASE("the more restrictive kind wins, in both orders") {
    for (unsigned a = 1; a <= static_cast<unsigned>(excluded); ++a) {
        for (unsigned b = 1; b <= static_cast<unsigned>(excluded); ++b) {
            setup s;
            CHECK(s.map.add(0, 0x2000, static_cast<memory_kind>(a)) == errc::ok);
            CHECK(s.map.add(0x1000, 0x3000, static_cast<memory_kind>(b)) == errc::ok);
            CHECK(kind_at(s.map, 0) == static_cast<memory_kind>(a));
            CHECK(kind_at(s.map, 0x1000) == static_cast<memory_kind>(a > b ? a : b));
            CHECK(kind_at(s.map, 0x2000) == static_cast<memory_kind>(b));
            CHECK(well_formed(s.map));
        }
    }
}

TEST_CASE("overlays work before the memory is there") {
    setup s;
    CHECK(s.map.mirror(0x1000, 0x3000) == errc::ok);
    CHECK(s.map.set_node(0x0, 0x2000, 1) == errc::ok);
    CHECK(s.map.exclude(frames(4, 1)) == errc::ok);
    CHECK(s.map.usable_frames() == 0);
    CHECK(s.map.add(0, 0x6000, usable) == errc::ok);
    CHECK(runs_of(s.map) == std::vector<usable_run>{{frames(0, 1), 1, false, false},
                                                    {frames(1, 1), 1, true, false},
                                                    {frames(2, 1), any_node, true, false},
                                                    {frames(3, 1), any_node, false, false},
                                                    {frames(5, 1), any_node, false, false}});
}

TEST_CASE("a window without memory is not memory") {
    setup s;
    CHECK(s.map.set_node(0x100000, 0x200000, 3, true) == errc::ok);
    CHECK(s.map.usable_frames() == 0);
    CHECK(s.holds({{0x100000, 0x200000, none, attribute::hot_pluggable, 3}}));
}

TEST_CASE("the first claim that is not hot-pluggable wins") {
    setup s;
    CHECK(s.map.add(0, 0x4000, usable) == errc::ok);
    CHECK(s.map.set_node(0x0, 0x4000, 1, true) == errc::ok);
    CHECK(s.map.set_node(0x1000, 0x3000, 2, false) == errc::ok);
    CHECK(s.map.set_node(0x2000, 0x4000, 3, false) == errc::ok);
    CHECK(s.map.set_node(0x0, 0x4000, 4, true) == errc::ok);
    CHECK(runs_of(s.map) == std::vector<usable_run>{{frames(0, 1), 1, false, true},
                                                    {frames(1, 2), 2, false, false},
                                                    {frames(3, 1), 3, false, false}});
}

TEST_CASE("usable memory is rounded inwards, everything else outwards") {
    setup s;
    SUBCASE("at the ends") {
        CHECK(s.map.add(0x1001, 0x9a800, usable) == errc::ok);
        CHECK(runs_of(s.map) == std::vector<usable_run>{{frames(2, 0x98), any_node, false, false}});
    }
    SUBCASE("a page of two touching pieces is whole") {
        CHECK(s.map.add(0, 0x1800, usable) == errc::ok);
        CHECK(s.map.add(0x1800, 0x3000, usable, attribute::non_volatile) == errc::ok);
        CHECK(s.map.entries().size() == 2);
        CHECK(runs_of(s.map) == std::vector<usable_run>{{frames(0, 3), any_node, false, false}});
    }
    SUBCASE("a page that is partly reserved, mirrored or another node's belongs to nobody") {
        CHECK(s.map.add(0, 0x6000, usable) == errc::ok);
        CHECK(s.map.add(0x1800, 0x1801, reserved) == errc::ok);
        CHECK(s.map.mirror(0x3800, 0x6000) == errc::ok);
        CHECK(runs_of(s.map) == std::vector<usable_run>{{frames(0, 1), any_node, false, false},
                                                        {frames(2, 1), any_node, false, false},
                                                        {frames(4, 2), any_node, true, false}});
    }
    SUBCASE("less than a page is none") {
        CHECK(s.map.add(0x1001, 0x1fff, usable) == errc::ok);
        CHECK(s.map.usable_frames() == 0);
    }
}

TEST_CASE("pages of 64 KiB") {
    setup s(16);
    CHECK(s.map.add(0, 0x9fc00, usable) == errc::ok);
    CHECK(s.map.exclude(frames(2, 1)) == errc::ok);
    CHECK(kind_at(s.map, 0x2ffff) == excluded);
    CHECK(runs_of(s.map) == std::vector<usable_run>{{frames(0, 2), any_node, false, false},
                                                    {frames(3, 6), any_node, false, false}});
}

TEST_CASE("the end of the address space") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    setup s;
    CHECK(s.map.add(top - 0x1fff, top, usable) == errc::ok);
    CHECK(s.map.usable_frames() == 1);
    SUBCASE("a restriction reaches over it") {
        CHECK(s.map.exclude(frames((top >> 12) - 1, 1000)) == errc::ok);
        CHECK(s.map.usable_frames() == 0);
    }
    SUBCASE("frames beyond it do not exist") {
        CHECK(s.map.exclude(frames(std::uint64_t{1} << 60, 1)) == errc::ok);
        CHECK(s.map.usable_frames() == 1);
    }
}

TEST_CASE("arguments that no map could satisfy") {
    setup s;
    CHECK(s.map.add(5, 5, usable) == errc::invalid);
    CHECK(s.map.add(5, 4, usable) == errc::invalid);
    CHECK(s.map.mirror(5, 5) == errc::invalid);
    CHECK(s.map.set_node(5, 5, 0) == errc::invalid);
    CHECK(s.map.exclude_bytes(5, 5) == errc::invalid);
    CHECK(s.map.exclude(frames(5, 0)) == errc::invalid);
    CHECK(s.map.exclude(frames(5, ~std::uint64_t{0})) == errc::invalid);
    CHECK(s.map.entries().empty());
}

TEST_CASE("ACPI tables become memory when they were read") {
    setup s;
    CHECK(s.map.add(0, 0x1000, usable) == errc::ok);
    CHECK(s.map.add(0x1000, 0x2000, acpi_reclaim) == errc::ok);
    CHECK(s.map.add(0x2000, 0x3000, acpi_nvs) == errc::ok);
    s.map.reclaim();
    CHECK(s.holds({{0, 0x2000, usable}, {0x2000, 0x3000, acpi_nvs}}));
}

TEST_CASE("attributes can be taken back") {
    setup s;
    CHECK(s.map.add(0, 0x3000, usable) == errc::ok);
    CHECK(s.map.mirror(0x1000, 0x5000) == errc::ok);
    s.map.clear_attributes(attribute::mirrored);
    CHECK(s.holds({{0, 0x3000, usable}}));
}

TEST_CASE("a full map loses memory and gains none") {
    memory_entry entries[2];
    memory_map map{entries};
    REQUIRE(map.add(0x0, 0x4000, usable) == errc::ok);
    REQUIRE(map.add(0x8000, 0xc000, usable) == errc::ok);

    SUBCASE("memory that does not fit is left out") {
        CHECK(map.add(0x10000, 0x11000, usable) == errc::limit);
        CHECK(map.usable_frames() == 8);
    }
    SUBCASE("what joins its neighbours fits") {
        CHECK(map.add(0x4000, 0x8000, usable) == errc::ok);
        CHECK(map.usable_frames() == 12);
        CHECK(map.entries().size() == 1);
    }
    SUBCASE("a restriction inside memory takes all of it") {
        CHECK(map.add(0x9000, 0xa000, reserved) == errc::limit);
        CHECK(map.usable_frames() == 4);
        CHECK(kind_at(map, 0xbfff) == reserved);
    }
    SUBCASE("a restriction between memory takes a neighbour") {
        CHECK(map.add(0x5000, 0x6000, reserved) == errc::limit);
        CHECK(map.usable_frames() == 4);
        CHECK(map.add(0x0, 0x8000, usable) == errc::ok);
        CHECK(kind_at(map, 0x5000) == reserved);
        CHECK(map.usable_frames() == 6);
    }
    SUBCASE("a restriction before everything takes the first") {
        REQUIRE(map.exclude_bytes(0x0, 0x4000) == errc::ok);
        REQUIRE(map.entries().size() == 2);
        CHECK(map.add(0x10000, 0x11000, reserved) == errc::limit);
        CHECK(map.usable_frames() == 0);
    }
    SUBCASE("a node or an attribute that does not fit is not set") {
        CHECK(map.set_node(0x1000, 0x2000, 1) == errc::limit);
        CHECK(map.mirror(0x1000, 0x2000) == errc::limit);
        CHECK(runs_of(map) == std::vector<usable_run>{{frames(0, 4), any_node, false, false},
                                                      {frames(8, 4), any_node, false, false}});
        CHECK(map.set_node(0x0, 0x4000, 1) == errc::ok);
    }
    CHECK(well_formed(map));
}

TEST_CASE("a map without an array holds nothing") {
    memory_map map;
    CHECK(map.add(0, 0x1000, usable) == errc::limit);
    CHECK(map.add(0, 0x1000, reserved) == errc::limit);
    CHECK(map.entries().empty());
    CHECK(map.usable_frames() == 0);
}

TEST_CASE("kinds have names") {
    CHECK(ashlar::to_string(usable) == doctest::String("usable"));
    CHECK(ashlar::to_string(static_cast<memory_kind>(99)) == doctest::String("unknown"));
    for (unsigned kind = 0; kind <= static_cast<unsigned>(excluded); ++kind) {
        CHECK(ashlar::to_string(static_cast<memory_kind>(kind)) != doctest::String("unknown"));
    }
}

constexpr bool cut_three_times() {
    setup s;
    (void)s.map.add(0x100000000, 0x200000000, usable);
    (void)s.map.mirror(0x100000000, 0x140000000);
    (void)s.map.add(0x140000000, 0x140001000, reserved);
    return s.holds({{0x100000000, 0x140000000, usable, attribute::mirrored, any_node},
                    {0x140000000, 0x140001000, reserved},
                    {0x140001000, 0x200000000, usable}}) &&
           s.map.usable_frames() == 0xfffff;
}
static_assert(cut_three_times());

}  // namespace
