// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `would_free` says is what `free` then answers, and asking changes nothing.
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <map>
#include <string>

namespace ashlar {
namespace {

constexpr buddy_shape small_buddy{.top_order = 6, .pageblock_order = 3};
constexpr buddy_shape small_lines{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};

using list = list_buddy<platform, small_buddy>;
using radix = radix_buddy<platform, small_lines>;
constexpr magazine_shape stacks{
    .batch = 4, .high = 12, .largest_order = 2, .huge_order = 3, .frames_per_cpu = 1};
using list_stacks = cpu_magazines<locked<list>, stacks>;

static_assert(free_checking_source<list> && free_checking_source<radix>);
static_assert(free_checking_source<counted<locked<list>>>);
static_assert(!free_checking_source<bump<platform>> && !free_checking_source<counted<bump<platform>>>);

template <class Source>
void agrees_with_free(range<> frames) {
    std::map<errc, int> seen;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        testing::word_buffer<typename Source::word> words(Source::metadata_words(frames));
        Source source;
        REQUIRE(source.attach(frames, words.words(), start::fresh) == errc::ok);
        REQUIRE(source.online(frames) == errc::ok);
        testing::request_stream<> stream(
            {.frames = frames, .top_order = Source::top_order, .isolation_order = Source::isolation_order},
            seed);
        testing::holdings<> held(Source::top_order);
        for (int step = 0; step < 20'000; ++step) {
            const auto next = stream.next(held);
            if (next.which == testing::verb::revoke && step % 64 != 0) continue;
            errc foreseen = errc::ok;
            if (next.which == testing::verb::free) {
                testing::word_buffer<typename Source::word> before(words);
                foreseen = source.would_free(next.frames.first, next.order);
                REQUIRE(words.equals(before));
            }
            const auto got = testing::make(source, next);
            if (next.which == testing::verb::free) {
                REQUIRE(got.error == foreseen);
                ++seen[foreseen];
                // What was revoked while it was held is forgotten.
                if (got.error == errc::revoked) held.remove(block(next.frames.first, next.order));
            }
            if (got.error != errc::ok) continue;
            if (next.which == testing::verb::allocate) held.add(block(got.first, next.wanted.order));
            if (next.which == testing::verb::allocate_at) held.add(next.frames);
            if (next.which == testing::verb::free) held.remove(block(next.frames.first, next.order));
        }
    }
    for (const errc each :
         {errc::ok, errc::double_free, errc::not_owned, errc::misaligned, errc::unsupported}) {
        INFO(std::string(to_string(each)));
        CHECK(seen[each] > 10);
    }
}

TEST_CASE("would_free says what free answers") {
    agrees_with_free<list>({{60}, 150});
    agrees_with_free<radix>({{60}, 1000});
    agrees_with_free<counted<locked<list>>>({{60}, 150});
    agrees_with_free<list_stacks>({{60}, 150});
    agrees_with_free<ownership_checked<list_stacks>>({{60}, 150});
}

template <class Source>
void knows_the_revoked() {
    constexpr range<> frames{{64}, 128};
    testing::word_buffer<typename Source::word> words(Source::metadata_words(frames));
    Source source;
    REQUIRE(source.attach(frames, words.words(), start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);
    REQUIRE(source.allocate_at({{64}, 8}) == errc::ok);
    REQUIRE(source.revoke({{66}, 70}));
    CHECK(source.would_free({64}, 1) == errc::ok);
    for (const unsigned order : {0U, 1U, 3U, 6U}) {
        const frame<> first{order == 0 ? 67U : order == 1 ? 66U : 64U};
        CAPTURE(order);
        CHECK(source.would_free(first, order) == errc::revoked);
        CHECK(source.free(first, order) == errc::revoked);
    }
}
TEST_CASE("would_free knows revoked frames") {
    knows_the_revoked<list>();
    knows_the_revoked<radix>();
}

TEST_CASE("a detached source has nothing to free") {
    CHECK(list{}.would_free({64}, 0) == errc::not_owned);
    CHECK(radix{}.would_free({64}, 0) == errc::not_owned);
}

}  // namespace
}  // namespace ashlar
