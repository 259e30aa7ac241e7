// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random ranges against a bitmap that is searched place by place: with nobody beside, a range is given if and
// only if there is one, and it lies as asked.
#include <doctest/doctest.h>

#include <algorithm>
#include <ashlar/source/allocate_contiguous.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <optional>
#include <vector>

#include "harness/by_day.hpp"
#include "source/types.hpp"
#include "zone/machines.hpp"

namespace {

using namespace ashlar;

/// What is known of each frame of a range.
struct oracle {
    struct state {
        bool online = false;
        bool free = false;
        bool isolated = false;
    };
    range<> frames;
    std::vector<state> states{static_cast<std::size_t>(frames.count)};

    state& operator[](frame<> f) { return states[static_cast<std::size_t>(f.number - frames.first.number)]; }
    template <class Change>
    void change(range<> each, Change change) {
        for (std::uint64_t i = 0; i < each.count; ++i) change((*this)[each.first + i]);
    }
    /// True if all of a range could be given.
    bool offers(range<> wanted) {
        if (!frames.contains(wanted) || wanted.first.number == 0) return false;
        for (std::uint64_t i = 0; i < wanted.count; ++i) {
            const state now = (*this)[wanted.first + i];
            if (!now.free || now.isolated) return false;
        }
        return true;
    }
    std::uint64_t free_frames() const {
        return static_cast<std::uint64_t>(
            std::count_if(states.begin(), states.end(), [](state each) { return each.free; }));
    }
};

bool lies_as_asked(range<> given, const contiguous_request<>& wanted) {
    const std::uint64_t first = given.first.number;
    const std::uint64_t last = first + given.count - 1;
    return given.count == wanted.count && first % wanted.alignment == 0 && given.end() <= wanted.below &&
           given.first >= wanted.not_before &&
           (wanted.boundary == 0 || first / wanted.boundary == last / wanted.boundary);
}

bool exists(oracle& known, const contiguous_request<>& wanted) {
    for (std::uint64_t i = 0; i < known.frames.count; ++i) {
        const range<> place{known.frames.first + i, wanted.count};
        if (lies_as_asked(place, wanted) && known.offers(place)) return true;
    }
    return false;
}

/// Random requests about a range; sometimes without any limit, sometimes with all of them.
contiguous_request<> any_request(testing::random_bits& random, range<> frames) {
    const auto below = [&random](std::uint64_t end) { return random() % end; };
    const auto some_frame = [&] { return frame<>{frames.first.number + below(frames.count + 2)}; };
    contiguous_request<> wanted;
    wanted.count = 1 + below(random() % 4 == 0 ? frames.count : random() % 2 == 0 ? 9 : 70);
    if (random() % 2 == 0) wanted.alignment = std::uint64_t{1} << below(10);
    if (random() % 3 == 0) wanted.boundary = std::bit_ceil(wanted.count) << below(3);
    if (random() % 4 == 0) wanted.below = some_frame();
    if (random() % 4 == 0) wanted.not_before = some_frame();
    return wanted;
}

template <class Source>
class run {
 public:
    run(range<> frames, std::uint64_t seed)
        : random_(seed), known_{frames}, words_(Source::metadata_words(frames)) {
        REQUIRE(source_.attach(frames, words_.words(), start::fresh) == errc::ok);
        // All but a hole is there.
        const range<> hole{frames.first + frames.count / 3, 1 + random_() % 5};
        for (const range<> each :
             {range<>::between(frames.first, hole.first), range<>::between(hole.end(), frames.end())}) {
            REQUIRE(source_.online(each) == errc::ok);
            known_.change(each, [](oracle::state& now) { now.online = now.free = true; });
        }
    }

    void steps(std::uint64_t count) {
        for (std::uint64_t step = 0; step < count; ++step) {
            const std::uint64_t what = random_() % 16;
            if (what < 7) {
                take_range();
            } else if (what < 13) {
                free_one();
            } else if (what < 15) {
                take_block();
            } else {
                isolate_or_readmit();
            }
            if (step % 16 == 0) compare();
        }
        CHECK(given_ > count / 10);
        CHECK(refused_ > count / 50);
    }

 private:
    void take_range() {
        const auto wanted = any_request(random_, known_.frames);
        const bool there = exists(known_, wanted);
        const auto got = allocate_contiguous(source_, wanted);
        CAPTURE(wanted.count);
        CAPTURE(wanted.alignment);
        CAPTURE(wanted.boundary);
        CAPTURE(wanted.below.number);
        CAPTURE(wanted.not_before.number);
        REQUIRE(got.has_value() == there);
        if (!there) {
            REQUIRE(got.error() == errc::exhausted);
            ++refused_;
            return;
        }
        REQUIRE(lies_as_asked(*got, wanted));
        REQUIRE(known_.offers(*got));
        hold(*got);
        ++given_;
    }
    void take_block() {
        const auto order = static_cast<unsigned>(random_() % 5);
        const auto got = source_.allocate({.order = order});
        if (got) hold(block(*got, order));
    }
    void hold(range<> taken) {
        known_.change(taken, [](oracle::state& now) { now.free = false; });
        held_.push_back(taken);
    }
    void free_one() {
        if (held_.empty()) return;
        std::swap(held_[random_() % held_.size()], held_.back());
        range<> freed = held_.back();
        held_.pop_back();
        // In two parts, anywhere.
        const std::uint64_t part = random_() % freed.count;
        for (const range<> each :
             {range<>{freed.first, part}, range<>{freed.first + part, freed.count - part}}) {
            if (each.empty()) continue;
            REQUIRE(free_range(source_, each) == errc::ok);
            known_.change(each, [](oracle::state& now) { now.free = true; });
        }
    }
    void isolate_or_readmit() {
        const std::uint64_t unit = std::uint64_t{1} << Source::isolation_order;
        const std::uint64_t first =
            (known_.frames.first.number + random_() % known_.frames.count) / unit * unit;
        const range<> units = range<>{{first}, unit}.clipped_to(known_.frames);
        const bool isolate = random_() % 4 == 0;
        const errc answer = isolate ? source_.isolate(units) : source_.readmit(units);
        if (answer != errc::ok) return;
        known_.change(units, [isolate](oracle::state& now) { now.isolated = isolate; });
    }
    void compare() {
        REQUIRE(source_.free_frames() == known_.free_frames());
        REQUIRE(source_.validate() == errc::ok);
        std::uint64_t told = 0;
        source_.visit_free([&](range<> free) {
            told += free.count;
            known_.change(free, [](const oracle::state& now) { REQUIRE(now.free); });
        });
        REQUIRE(told == known_.free_frames());
    }

    testing::random_bits random_;
    oracle known_;
    testing::word_buffer<typename Source::word> words_;
    Source source_{};
    std::vector<range<>> held_;
    std::uint64_t given_ = 0;
    std::uint64_t refused_ = 0;
};

std::uint64_t work(std::uint64_t steps) {
    return ashlar::harness::by_day(steps, 20 * steps);
}

TEST_CASE_TEMPLATE("a range is given if and only if there is one", Type, under_test::list_buddy_small,
                   under_test::list_buddy_flat, under_test::locked_list, under_test::radix_buddy_full,
                   under_test::radix_buddy_small, under_test::radix_buddy_words_32, under_test::counted_radix,
                   under_test::cpu_rows_radix, under_test::cpu_rows_counted_radix,
                   under_test::scrubbed_poisoned_accepted_counted_radix, under_test::zone_counted_radix) {
    using source = typename Type::source;
    for (const range<> frames : {range<>{{0}, 200}, range<>{{37}, 700}, range<>{{0x1000}, 1536}}) {
        for (std::uint64_t seed = 1; seed <= 2; ++seed) run<source>(frames, seed).steps(work(3000));
    }
}

// --- a machine: exists in one of its zones ---

TEST_CASE("a machine gives a range if and only if one of its zones has one") {
    using namespace zone_tests;
    using memory = physical_memory<zone<counted<radix_buddy<platform, under_test::small_lines>>>>;
    firmware machine;
    constexpr std::uint64_t begin = 4 * gibibyte;
    constexpr std::uint64_t size = 300 << 12;
    const zone_rules rules{.zone_gap = mebibyte};
    // Two zones that touch, and one that does not.
    machine.ram(begin, begin + size, 0);
    machine.ram(begin + size, begin + 2 * size, 1);
    machine.ram(begin + 3 * size, begin + 4 * size, 0, true);
    const booted<memory> ram(machine, rules);
    REQUIRE(ram->zone_count() == 3);
    std::vector<oracle> known;
    ram->for_each_zone([&](const zone_description& what, const auto&) {
        known.push_back({what.span});
        known.back().change(what.span, [](oracle::state& now) { now.free = true; });
    });
    const range<> all{{begin >> 12}, 1200};
    testing::random_bits random(7);
    std::vector<range<>> held;
    const auto zone_of = [&](frame<> f) -> oracle& {
        return *std::find_if(known.begin(), known.end(),
                             [f](const oracle& each) { return each.frames.contains(f); });
    };
    for (std::uint64_t step = 0; step < work(20'000); ++step) {
        if (random() % 2 == 0 && !held.empty()) {
            std::swap(held[random() % held.size()], held.back());
            REQUIRE(free_range(*ram.ram, held.back()) == errc::ok);
            zone_of(held.back().first).change(held.back(), [](oracle::state& now) { now.free = true; });
            held.pop_back();
            continue;
        }
        auto wanted = any_request(random, all);
        wanted.node = static_cast<node_id>(random() % 2);
        wanted.mirror = static_cast<mirror>(random() % 4);
        if (random() % 4 == 0) wanted.nodes = node_set::only(static_cast<node_id>(random() % 2));
        // As reliability_first has it: the mirrored zone is the last one by address, on node 0.
        std::vector<std::size_t> order;
        if (wanted.mirror >= mirror::preferred) order = {2};
        const std::size_t local = wanted.node;
        if (wanted.mirror != mirror::required) order.insert(order.end(), {local, 1 - local});
        std::optional<std::size_t> expected;
        for (const std::size_t zone : order) {
            const node_id node = zone == 1 ? 1 : 0;
            if (expected || !wanted.nodes.contains(node) || !exists(known[zone], wanted)) continue;
            expected = zone;
        }
        const auto got = ram->allocate_contiguous(wanted);
        REQUIRE(got.has_value() == expected.has_value());
        if (!got) {
            REQUIRE(got.error() == errc::exhausted);
            continue;
        }
        REQUIRE(lies_as_asked(*got, wanted));
        REQUIRE(known[*expected].offers(*got));
        known[*expected].change(*got, [](oracle::state& now) { now.free = false; });
        held.push_back(*got);
    }
    for (const range<> each : held) REQUIRE(free_range(*ram.ram, each) == errc::ok);
    CHECK(ram->free_frames() == 900);
    CHECK(ram->validate() == errc::ok);
}

}  // namespace
