// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is left behind when the source of a layer fails: nothing. Random calls on each layer; some of them
// meet a source that fails once, or always. A call that fails then leaves all that can be seen as it was.
#include <doctest/doctest.h>
#include <algorithm>
#include <ashlar/layer/accepted.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "harness/by_day.hpp"
#include "source/types.hpp"

namespace ashlar {
namespace {

using namespace under_test;
using testing::answer;
using testing::call;
using testing::fault_injected;
using testing::verb;

template <class Source>
constexpr bool is_faulty = false;
template <class Source>
constexpr bool is_faulty<fault_injected<Source>> = true;
/// The layer that injects, at any depth.
template <class Source>
auto& faulty_of(Source& source) {
    if constexpr (is_faulty<Source>) {
        return source;
    } else {
        return faulty_of(source.inner());
    }
}

/// What can be seen of a source.
struct sight {
    std::vector<bool> free;  ///< empty where `visit_free` does not tell what slots hold (and they hold some)
    std::vector<bool> online;
    std::uint64_t free_frames = 0;
    errc valid = errc::ok;
    friend bool operator==(const sight& a, const sight& b) {
        const bool both_tell = !a.free.empty() && !b.free.empty();
        return (!both_tell || a.free == b.free) && a.online == b.online && a.free_frames == b.free_frames &&
               a.valid == b.valid;
    }
};
template <class Source>
sight look_at(const Source& source, range<> frames) {
    sight seen{std::vector<bool>(frames.count), std::vector<bool>(frames.count), source.free_frames(),
               source.validate()};
    source.visit_free([&](range<> run) {
        for (std::uint64_t i = 0; i < run.count; ++i)
            seen.free[run.first.number + i - frames.first.number] = true;
    });
    if (std::count(seen.free.begin(), seen.free.end(), true) !=
        static_cast<std::ptrdiff_t>(seen.free_frames)) {
        seen.free.clear();
    }
    for (std::uint64_t i = 0; i < frames.count; ++i) seen.online[i] = source.owns(frames.first + i);
    return seen;
}

/// The frees of a layer that asks `would_free` first are right by then: a source cannot refuse them.
enum class frees { may_fail, are_checked_before };

template <class Source>
void leaves_no_trace(frees how, std::uint64_t count = 128) {
    const range<> frames{{256}, count};
    testing::word_buffer<typename Source::word> words(Source::metadata_words(frames));
    Source source;
    auto& faulty = faulty_of(source);

    faulty.set_plan({.error = errc::limit});
    CHECK(source.attach(frames, words.words(), start::fresh) == errc::limit);
    faulty.clear_plan();
    REQUIRE(source.attach(frames, words.words(), start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);

    constexpr errc errors[] = {errc::exhausted, errc::busy, errc::limit};
    testing::request_stream<> stream(
        {.frames = frames, .top_order = Source::top_order, .isolation_order = Source::isolation_order}, 7);
    testing::random_bits random(8);
    testing::holdings<> held(Source::top_order);
    std::uint64_t failures = 0;
    const std::uint64_t steps = harness::by_day(5'000, 100'000);
    for (std::uint64_t step = 0; step < steps; ++step) {
        const call<> made = stream.next(held);
        if (made.which == verb::attach || made.which == verb::detach || made.which == verb::validate)
            continue;
        const bool may_fail = made.which != verb::free || how == frees::may_fail;
        // Revoked frames never come back: here they do not even leave.
        const bool armed = made.which == verb::revoke || (may_fail && random() % 2 == 0);
        if (armed) {
            testing::fault_plan<> plan{.error = errors[random() % 3],
                                       .nth = made.which == verb::revoke ? 0 : random() % 2};
            // What slots give back is right, too.
            if (made.which != verb::free) {
                plan.matches = [](const call<>& inner, void*) { return inner.which != verb::free; };
            }
            faulty.set_plan(plan);
        }
        const sight before = look_at(source, frames);
        const answer<> got = make(source, made);
        const bool injected = faulty.injected() != 0;
        faulty.clear_plan();
        CAPTURE(step);
        INFO(to_string(made));
        if (got.error != errc::ok) {
            failures += injected ? 1 : 0;
            const sight after = look_at(source, frames);
            REQUIRE(after.valid == errc::ok);
            REQUIRE(after == before);
            continue;
        }
        REQUIRE((!injected || made.which == verb::allocate));
        if (made.which == verb::allocate) held.add(block(got.first, made.wanted.order));
        if (made.which == verb::allocate_at) held.add(made.frames);
        if (made.which == verb::free) held.remove(block(made.frames.first, made.order));
    }
    CHECK(failures > (steps < 5'000 ? steps / 6 : 1'000));
    REQUIRE(source.readmit(frames) == errc::ok);
    faulty.set_plan({.error = errc::busy});
    CHECK(source.detach(frames) == errc::busy);
    faulty.clear_plan();
    CHECK(source.owns(frames.first) == look_at(source, frames).online[0]);
    CHECK(source.detach(frames) == errc::ok);
}

using list = fault_injected<list_buddy<three_cpus, small_buddy>>;
using rows = fault_injected<radix_buddy<three_cpus, small_lines>>;
using touched_list = fault_injected<list_buddy<touchable, small_buddy>>;
using touched_rows = fault_injected<radix_buddy<touchable, small_lines>>;
constexpr rows_shape few{.frames_per_cpu = 1};
constexpr rows_shape few_shared{.contract = slot_contract::shared, .frames_per_cpu = 1};

TEST_CASE("the leaves themselves") {
    SUBCASE("list_buddy") {
        leaves_no_trace<list>(frees::may_fail);
    }
    SUBCASE("radix_buddy") {
        leaves_no_trace<rows>(frees::may_fail);
    }
}
TEST_CASE("locked") {
    leaves_no_trace<locked<list>>(frees::may_fail);
}
TEST_CASE("counted") {
    leaves_no_trace<counted<rows, count_shape{.delta = 5}>>(frees::may_fail);
}
TEST_CASE("cpu_rows") {
    SUBCASE("exclusive") {
        leaves_no_trace<cpu_rows<rows, few>>(frees::may_fail);
    }
    SUBCASE("shared, counted") {
        leaves_no_trace<cpu_rows<counted<rows, count_shape{.delta = 5}>, few_shared>>(frees::may_fail);
    }
    SUBCASE("mobility classes") {
        constexpr buddy_shape apart{.top_order = 8,
                                    .row_order = 2,
                                    .line_order = 4,
                                    .pageblock_order = 4,
                                    .placement = placement::fullest,
                                    .mobility_classes = true};
        leaves_no_trace<cpu_rows<fault_injected<radix_buddy<three_cpus, apart>>, few>>(frees::may_fail);
    }
}
TEST_CASE("cpu_magazines") {
    SUBCASE("over list_buddy") {
        leaves_no_trace<cpu_magazines<list, small_stacks>>(frees::are_checked_before);
    }
    SUBCASE("over radix_buddy") {
        leaves_no_trace<cpu_magazines<rows, small_stacks>>(frees::are_checked_before);
    }
}
TEST_CASE("ownership_checked") {
    SUBCASE("over a source") {
        leaves_no_trace<ownership_checked<list>>(frees::may_fail);
    }
    SUBCASE("over slots") {
        leaves_no_trace<ownership_checked<cpu_rows<rows, few>>>(frees::may_fail);
    }
}
TEST_CASE("layers that touch frames") {
    SUBCASE("scrubbed") {
        leaves_no_trace<scrubbed<touched_rows, scrub_both>>(frees::are_checked_before);
    }
    SUBCASE("poisoned") {
        leaves_no_trace<poisoned<touched_list>>(frees::are_checked_before);
    }
    SUBCASE("accepted") {
        leaves_no_trace<unaccepted_at_first<accepted<touched_list>>>(frees::may_fail);
    }
}
TEST_CASE("a zone") {
    leaves_no_trace<zone<counted<rows, count_shape{.delta = 5}>>>(frees::may_fail);
}

}  // namespace
}  // namespace ashlar
