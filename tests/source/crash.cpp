// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A CPU stops at any store; another one recovers from what is in memory.
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/crash_run.hpp>
#include <string>

#include "harness/by_day.hpp"

namespace ashlar {
namespace {

struct observed : platform {
    template <class T>
    using atomic = testing::observed_atomic<T>;
};

template <class Source>
void crash_everywhere(range<> frames, std::uint64_t work,
                      std::uint64_t leak = std::uint64_t{1} << Source::isolation_order) {
    const std::uint64_t steps = harness::by_day(work, 20 * work);
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        testing::crash_run<Source> run(frames, seed, leak);
        const std::string wrong = run.steps(steps);
        CHECK(wrong == "");
        CHECK(run.crashes() > steps);
    }
}

constexpr buddy_shape small_buddy{.top_order = 6, .pageblock_order = 3};

TEST_CASE("list_buddy loses nothing") {
    crash_everywhere<list_buddy<observed, small_buddy>>({{60}, 150}, 2'000, 0);
}

TEST_CASE("a leak beyond what is allowed is noticed") {
    // Merging a line has its rows in hand for a moment: with no leak allowed, that has to come up.
    constexpr buddy_shape lines{.top_order = 7, .row_order = 2, .line_order = 4, .pageblock_order = 4};
    testing::crash_run<radix_buddy<observed, lines>> run({{60}, 200}, 1, 0);
    CHECK(run.steps(2'000).find("frames are lost") != std::string::npos);
}

TEST_CASE("counted<locked<list_buddy>>") {
    crash_everywhere<counted<locked<list_buddy<observed, small_buddy>>>>({{60}, 150}, 1'000);
}

TEST_CASE("radix_buddy") {
    constexpr buddy_shape lines{.top_order = 7, .row_order = 2, .line_order = 4, .pageblock_order = 4};
    crash_everywhere<radix_buddy<observed, lines>>({{60}, 200}, 2'000);
}

TEST_CASE("radix_buddy: lines that leave and come back, whole and in part, and are revoked so") {
    using testing::verb;
    constexpr buddy_shape lines{.top_order = 7, .row_order = 2, .line_order = 4, .pageblock_order = 4};
    testing::crash_run<radix_buddy<observed, lines>> run({{60}, 200}, 1);
    const auto must = [&](verb which, range<> frames) {
        testing::answer<> got;
        CHECK(run.step({.which = which, .frames = frames}, got) == "");
        CHECK(got.error == errc::ok);
    };
    const range<> line{{96}, 16};
    const range<> low{{96}, 5};
    const range<> middle{{101}, 6};
    const range<> high{{107}, 5};
    must(verb::online, {{60}, 200});
    for (const range<> first : {low, middle, high}) {
        must(verb::isolate, line);
        must(verb::offline, line);
        must(verb::online, first);
        for (const range<> rest : {low, middle, high})
            if (rest != first) must(verb::online, rest);
        must(verb::isolate, line);
        must(verb::offline, first);
        for (const range<> rest : {low, middle, high})
            if (rest != first) must(verb::offline, rest);
        must(verb::online, line);
        must(verb::readmit, line);
    }
    for (const range<> part : {middle, low, high}) must(verb::revoke, part);
    must(verb::revoke, {{112}, 16});
    CHECK(run.crashes() > 100);
}

TEST_CASE("cpu_rows<radix_buddy>: beside a line, at most what the slot holds is lost") {
    constexpr buddy_shape lines{.top_order = 7, .row_order = 2, .line_order = 4, .pageblock_order = 4};
    using rows = cpu_rows<radix_buddy<observed, lines>, rows_shape{.frames_per_cpu = 1}>;
    // Two rows, rows of two lines, and two windows, of a line each in so small a range.
    constexpr std::uint64_t slot = (2 << lines.row_order) + (4 << lines.line_order);
    crash_everywhere<rows>({{60}, 200}, 2'000, (1 << lines.line_order) + slot);
}

constexpr magazine_shape stacks{
    .batch = 4, .high = 12, .largest_order = 2, .huge_order = 3, .frames_per_cpu = 1};

TEST_CASE("cpu_magazines: beside a pageblock, at most what the slot holds is lost, and a batch on its way") {
    constexpr std::uint64_t slot = stacks.high + stacks.batch;
    crash_everywhere<cpu_magazines<locked<list_buddy<observed, small_buddy>>, stacks>>(
        {{60}, 150}, 1'000, (1 << small_buddy.pageblock_order) + slot);
    constexpr buddy_shape lines{.top_order = 7, .row_order = 2, .line_order = 4, .pageblock_order = 4};
    crash_everywhere<cpu_magazines<radix_buddy<observed, lines>, stacks>>({{60}, 200}, 1'000,
                                                                          (1 << lines.line_order) + slot);
}

/// Recovers without a word of the caller.
struct by_its_bits : ownership_checked<cpu_magazines<locked<list_buddy<observed, small_buddy>>, stacks>> {
    constexpr errc attach(range<> frames, view<word> words, start how) noexcept {
        return ownership_checked::attach(frames, words, how);
    }
};
TEST_CASE("ownership_checked knows itself what is live: nothing is lost") {
    crash_everywhere<by_its_bits>({{60}, 150}, 1'000, 0);
}

}  // namespace
}  // namespace ashlar
