// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts of ashlar-lab lab by themselves.
#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "lab/failure.hpp"
#include "lab/machine/machine.hpp"
#include "lab/matrix/heat_cells.hpp"
#include "lab/matrix/moments.hpp"
#include "lab/page/axis.hpp"
#include "lab/page/fill.hpp"
#include "lab/page/heat_map.hpp"
#include "lab/page/markup.hpp"
#include "lab/replay/block_usage.hpp"
#include "lab/replay/spread.hpp"

namespace {

TEST_CASE("quartiles lie between values") {
    const lab::spread one = lab::spread_of({7});
    CHECK(one.least == 7);
    CHECK(one.lower_quartile == 7);
    CHECK(one.median == 7);
    CHECK(one.most == 7);
    const lab::spread four = lab::spread_of({4, 1, 3, 2});
    CHECK(four.least == 1);
    CHECK(four.lower_quartile == 1.75);
    CHECK(four.median == 2.5);
    CHECK(four.upper_quartile == 3.25);
    CHECK(four.most == 4);
    CHECK(lab::spread_of({9, 1, 5}).median == 5);
}

lab::operation_list steps_at(const std::vector<std::uint64_t>& times) {
    lab::operation_list list;
    list.steps.resize(times.size());
    list.times_us = times;
    return list;
}

std::vector<std::size_t> steps_of(const std::vector<lab::moment>& moments) {
    std::vector<std::size_t> steps;
    steps.reserve(moments.size());
    for (const lab::moment& each : moments) steps.push_back(each.steps);
    return steps;
}

TEST_CASE("moments are at equal distances in time") {
    const auto moments = lab::moments_of(steps_at({0, 1, 2, 50, 60, 99, 100, 100}), 4);
    CHECK(steps_of(moments) == std::vector<std::size_t>{0, 3, 4, 5, 8});
    CHECK(moments[0].seconds == 0);
    CHECK(moments[1].seconds == doctest::Approx(25e-6));
    CHECK(moments[4].seconds == doctest::Approx(100e-6));
    // A step whose time is too late or too early stays in its place.
    CHECK(steps_of(lab::moments_of(steps_at({0, 80, 20, 100}), 2)) == std::vector<std::size_t>{0, 1, 4});
}

TEST_CASE("without times, moments are at equal distances in steps") {
    CHECK(steps_of(lab::moments_of(steps_at({0, 0, 0, 0}), 2)) == std::vector<std::size_t>{0, 2, 4});
    CHECK(steps_of(lab::moments_of(steps_at({0}), 3)) == std::vector<std::size_t>{0, 0, 0, 1});
}

constexpr std::uint64_t base = std::uint64_t{1} << 18;  // of a plain machine

TEST_CASE("frames in use are counted by pageblock") {
    const lab::machine four_blocks = lab::plain_machine(2048);
    lab::block_usage usage(four_blocks, "it");
    CHECK(usage.free_frames() == 2048);
    CHECK(usage.whole_share() == 1);
    REQUIRE(usage.zones().size() == 1);
    const lab::block_usage::zone& zone = usage.zones().front();
    CHECK(zone.blocks.size() == 4);
    CHECK(zone.whole_blocks == 4);

    usage.take({{base + 511}, 2});
    CHECK(zone.whole_blocks == 2);
    CHECK(zone.free_frames == 2046);
    CHECK(zone.blocks[0].free == 511);
    CHECK(zone.blocks[1].free == 511);
    CHECK(usage.whole_share() == doctest::Approx(1024.0 / 2046));
    usage.give({{base + 511}, 1});
    CHECK(zone.whole_blocks == 3);
    usage.take({{base + 1024}, 1024});
    CHECK(zone.whole_blocks == 1);
    usage.give({{base + 512}, 1});
    usage.give({{base + 1024}, 1024});
    CHECK(usage.whole_share() == 1);
}

TEST_CASE("a pageblock is pinned by what is unmovable in it, as long as it is there") {
    const lab::machine four_blocks = lab::plain_machine(2048);
    lab::block_usage usage(four_blocks, "it");
    usage.take({{base}, 512});
    CHECK(usage.pinned_share() == 0);
    usage.take({{base + 1000}, 100}, false);
    CHECK(usage.pinned_share() == 0.5);
    usage.give({{base + 1024}, 76});
    CHECK(usage.pinned_share() == 0.25);
    usage.give({{base + 1000}, 24});
    CHECK(usage.pinned_share() == 0);
}

TEST_CASE("a frame that is handed out twice, or is not there, is caught") {
    const lab::machine one_block = lab::plain_machine(512);
    lab::block_usage usage(one_block, "it");
    usage.take({{base + 64}, 64});
    CHECK_THROWS_WITH_AS(usage.take({{base + 100}, 1}),
                         "it: hands out frames from 0x40064 on, of which some are in use or not there",
                         lab::failure);
    CHECK_THROWS_AS(usage.take({{base}, 512}), lab::failure);
    CHECK_THROWS_WITH_AS(usage.take({{base - 1}, 1}), "it: hands out frame 0x3ffff, which is not there",
                         lab::failure);
    CHECK_THROWS_WITH_AS(usage.take({{base + 512}, 1}), "it: hands out frame 0x40200, which is not there",
                         lab::failure);
    CHECK_THROWS_AS(usage.give({{base}, 1}), lab::failure);
    usage.give({{base + 64}, 64});
    CHECK(usage.free_frames() == 512);
}

TEST_CASE("cells of the heat map") {
    const lab::machine four_blocks = lab::plain_machine(2048);
    lab::block_usage usage(four_blocks);
    const lab::heat_layout layout = lab::heat_layout_of(usage);
    CHECK(layout.blocks_per_cell == 1);
    CHECK(layout.cells == std::vector<std::size_t>{4});
    CHECK(lab::heat_cells(usage, layout) == "aaaa");
    usage.take({{base}, 512});
    usage.take({{base + 512}, 1});
    usage.take({{base + 1024}, 511});
    usage.take({{base + 1536}, 128});
    CHECK(lab::heat_cells(usage, layout) == "fbec");
    // Two pageblocks a cell: full needs both.
    CHECK(lab::heat_cells(usage, {2, {2}}) == "dd");
}

TEST_CASE("large machines have several pageblocks a cell") {
    const lab::machine large = lab::plain_machine(std::uint64_t{1} << 22);
    const lab::heat_layout layout = lab::heat_layout_of(lab::block_usage(large));
    CHECK(layout.blocks_per_cell == 4);
    CHECK(layout.cells == std::vector<std::size_t>{2048});
}

TEST_CASE("cells are told by their changes") {
    CHECK(lab::encode_cells("", "aaab.") == "3ab.");
    CHECK(lab::encode_cells("aaab.", "aaff.") == "2=2f=");
    CHECK(lab::encode_cells("ab", "ab") == "2=");
    CHECK(lab::encode_cells("", "") == "");
}

TEST_CASE("cells of one level are drawn as runs within lines") {
    CHECK(lab::outline("aaba", 3, 'a') == "M0 0h2v1h-2zM0 1h1v1h-1z");
    CHECK(lab::outline("aaba", 2, 'a') == "M0 0h2v1h-2zM1 1h1v1h-1z");
    CHECK(lab::outline("aaba", 2, 'f') == "");
}

TEST_CASE("axes have round ticks") {
    const lab::axis times = lab::axis_around(0, 72.4, 5);
    CHECK(times.high == 80);
    CHECK(times.ticks() == std::vector<double>{0, 20, 40, 60, 80});
    CHECK(times.place(20) == 0.25);
    CHECK(times.digits() == 0);
    const lab::axis shares = lab::axis_around(97.6, 99.9, 4);
    CHECK(shares.low == doctest::Approx(97));
    CHECK(shares.high == doctest::Approx(100));
    CHECK(lab::axis_between(0, 0.03, 3).digits() == 2);
    CHECK(lab::axis_between(0, 8.03, 6).high == 8.03);
    // Nothing to tell apart is no reason to divide by nothing.
    CHECK(lab::axis_between(3, 3, 4).high > 3);
}

TEST_CASE("markup is balanced and escaped") {
    lab::markup out;
    out.open("p", {{"title", "\"a\" & b"}}).text("1 < 2").shape("line", {{"x1", "0"}});
    out.name("rows/x").leaf("b", {}, ">").close();
    CHECK(out.str() ==
          "<p title=\"&quot;a&quot; &amp; b\">1 &lt; 2<line x1=\"0\"/>"
          "<span class=\"name\">rows/<wbr>x</span><b>&gt;</b></p>");
    CHECK(lab::markup().name("peer:x/").str() == "<span class=\"name\">peer:x/</span>");
}

TEST_CASE("forms are filled once") {
    CHECK(lab::fill("a {{x}}{{y}} }} {{x}}", {{"x", "{{y}}"}, {"y", ""}}) == "a {{y}} }} {{y}}");
    CHECK(lab::fill("no {{ end", {}) == "no {{ end");
    CHECK_THROWS_AS((void)lab::fill("{{z}}", {}), std::out_of_range);
}

}  // namespace
