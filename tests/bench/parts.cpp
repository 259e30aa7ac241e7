// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "bench/dice.hpp"
#include "bench/latencies.hpp"
#include "bench/subject.hpp"
#include "bench/vast.hpp"
#include "bench/whole_blocks.hpp"
#include "bench/workload/whole_frees.hpp"

namespace {

using lab::operation;
using action = lab::trace_event::action;

TEST_CASE("latencies: the worst exactly, quantiles within a 32nd") {
    bench::latencies taken;
    CHECK(taken.quantile(0.5) == 0);
    CHECK(taken.worst() == 0);
    for (std::uint64_t i = 1; i <= 100000; ++i) taken.add(i);
    CHECK(taken.count() == 100000);
    CHECK(taken.worst() == 100000);
    for (const double share : {0.0001, 0.01, 0.5, 0.99, 0.9999, 1.0}) {
        const double exact = share * 100000;
        const double told = static_cast<double>(taken.quantile(share));
        CAPTURE(share);
        CHECK(told >= exact);
        CHECK(told <= exact * (1 + 1.0 / 32) + 1);
    }
    bench::latencies other;
    other.add(~std::uint64_t{0});
    taken.add(other);
    CHECK(taken.count() == 100001);
    CHECK(taken.worst() == ~std::uint64_t{0});
    CHECK(taken.quantile(1) == ~std::uint64_t{0});
    CHECK(taken.quantile(0.5) < 52000);
}

/// The same from what a source says is free.
template <class Source>
double whole_share_of(const Source& source) {
    std::map<std::uint64_t, std::uint64_t> free_in;  // frames, by pageblock
    std::uint64_t free = 0;
    source.visit_free([&](ashlar::range<> run) {
        free += run.count;
        for (std::uint64_t i = 0; i < run.count; ++i) ++free_in[(run.first.number + i) >> 9];
    });
    std::uint64_t whole = 0;
    for (const auto& [block, count] : free_in) whole += count == 512 ? 512 : 0;
    return static_cast<double>(whole) / static_cast<double>(free);
}

TEST_CASE("whole blocks: what is told from outside is what the source says is free") {
    using rows = ashlar::cpu_rows<ashlar::radix_buddy<ashlar::platform>>;
    constexpr std::uint64_t frames = 64 * 512;
    bench::source_subject<rows> subject(frames, 1);
    bench::whole_blocks none(frames);
    CHECK(none.share() == 1.0);

    std::map<std::uint64_t, unsigned> out;
    bench::dice roll(1);
    for (unsigned round = 0; round < 50; ++round) {
        for (unsigned i = 0; i < 200; ++i) {
            const unsigned order = roll.below(8) == 0 ? static_cast<unsigned>(roll.below(11)) : 0;
            const std::uint64_t got = subject.allocate(0, order);
            if (got != bench::no_block) out.emplace(got, order);
        }
        while (out.size() > 100 * (round % 7)) {
            auto at = out.lower_bound((std::uint64_t{1} << 20) + roll.below(frames));
            if (at == out.end()) at = out.begin();
            REQUIRE(subject.free(0, at->first, at->second));
            out.erase(at);
        }
        bench::whole_blocks told(frames);
        for (const auto& [first, order] : out) told.take(first, order);
        const auto share = told.share();
        REQUIRE(share.has_value());
        CHECK(*share == doctest::Approx(whole_share_of(subject.source())));
    }
}

TEST_CASE("whole blocks: nothing to share") {
    bench::whole_blocks full(1024);
    full.take(0, 10);
    CHECK(!full.share());
    bench::whole_blocks spread(1024);
    for (std::uint64_t i = 0; i < 3; ++i) spread.take(i << 20, 0);
    CHECK(!spread.share());
}

TEST_CASE("a block that was freed in parts is freed whole, with the last part") {
    lab::operation_list events;
    events.slots = 2;
    const auto step = [](std::uint32_t slot, std::uint32_t offset, std::uint8_t order, action what) {
        operation made;
        made.slot = slot;
        made.offset = offset;
        made.order = order;
        made.what = what;
        return made;
    };
    events.steps = {step(0, 0, 3, action::allocate), step(0, 6, 1, action::free),
                    step(1, 0, 0, action::allocate), step(0, 0, 2, action::free),
                    step(1, 0, 0, action::free),     step(0, 4, 1, action::free),
                    step(0, 0, 1, action::allocate), step(0, 1, 0, action::free)};
    events.clean_up = {step(0, 0, 0, action::free)};
    const lab::operation_list whole = bench::with_whole_frees(events);
    REQUIRE(whole.steps.size() == 5);
    const auto is = [](const operation& got, const operation& wanted) {
        return got.slot == wanted.slot && got.offset == wanted.offset && got.order == wanted.order &&
               got.what == wanted.what;
    };
    CHECK(is(whole.steps[0], step(0, 0, 3, action::allocate)));
    CHECK(is(whole.steps[1], step(1, 0, 0, action::allocate)));
    CHECK(is(whole.steps[2], step(1, 0, 0, action::free)));
    CHECK(is(whole.steps[3], step(0, 0, 3, action::free)));
    CHECK(is(whole.steps[4], step(0, 0, 1, action::allocate)));
    REQUIRE(whole.clean_up.size() == 1);
    CHECK(is(whole.clean_up[0], step(0, 0, 1, action::free)));
}

TEST_CASE("memory that is taken but for pageblocks here and there") {
    using buddy = ashlar::radix_buddy<ashlar::platform>;
    constexpr std::uint64_t frames = 4096 * 512;
    bench::source_subject<buddy> subject(frames, 1);
    bench::take_all_but_spread(subject, frames);
    CHECK(subject.free_frames() == bench::spread_frames(frames));
    std::uint64_t runs = 0;
    std::uint64_t stretches = 0;  // of a 256th of the memory each: one bit an eighth
    subject.source().visit_free([&](ashlar::range<> run) {
        ++runs;
        stretches |= std::uint64_t{1} << (run.first.number - (std::uint64_t{1} << 20)) * 64 / frames;
        CHECK(run.count % 512 == 0);
    });
    CHECK(runs > 200);
    CHECK(stretches == ~std::uint64_t{0});
    // Less memory, fewer of them.
    CHECK(bench::spread_blocks(1 << 14) == 16);
}

}  // namespace
