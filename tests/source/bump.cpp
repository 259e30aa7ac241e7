// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <algorithm>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

using early = bump<platform, bump_shape{.pieces = 4, .top_order = 12}>;
using word = early::word;
static_assert(frame_source<early>);
static_assert(frame_source<locked<early>>);

constexpr range<> attached{{0x1003}, 0x5000};
constinit early detached{};

struct booted {
    booted() {
        REQUIRE(source.attach(attached, words, start::fresh) == errc::ok);
        REQUIRE(source.online(low) == errc::ok);
        REQUIRE(source.online(high) == errc::ok);
    }
    [[nodiscard]] std::vector<range<>> rest() const {
        std::vector<range<>> all;
        source.visit_free([&](range<> each) { all.push_back(each); });
        std::sort(all.begin(), all.end(), [](range<> a, range<> b) { return a.first < b.first; });
        return all;
    }
    template <class Call>
    void refuses(errc error, Call made) {
        testing::word_buffer<word> before(early::metadata_words(attached));
        for (std::size_t i = 0; i < std::size(words); ++i)
            before.words()[i].store(words[i].load(memory_order::relaxed), memory_order::relaxed);
        CHECK(made() == error);
        // The count of moves is not state.
        for (std::size_t i = 0; i < std::size(words); ++i) {
            if (i != 5)
                CHECK(before.words()[i].load(memory_order::relaxed) == words[i].load(memory_order::relaxed));
        }
        CHECK(source.validate() == errc::ok);
    }

    range<> low{{0x1003}, 0x1000};
    range<> high{{0x3000}, 0x2000};
    word words[early::metadata_words(attached)];
    early source;
};

constexpr bool works_at_compile_time() {
    early source;
    word words[early::metadata_words(attached)];
    if (source.attach(attached, words, start::fresh) != errc::ok) return false;
    if (source.online({{0x1003}, 0x100}) != errc::ok) return false;
    const auto got = source.allocate({.order = 4});
    return got && got->number == 0x1010 && source.free_frames() == 0x1103 - 0x1020 &&
           source.validate() == errc::ok;
}
static_assert(works_at_compile_time());

TEST_CASE("a detached source answers every verb") {
    CHECK(detached.allocate({}).error() == errc::exhausted);
    CHECK(detached.allocate_at({{1}, 1}) == errc::not_owned);
    CHECK(detached.online({{1}, 1}) == errc::not_owned);
    CHECK(detached.offline({{1}, 1}) == errc::not_owned);
    CHECK(detached.isolate({{1}, 1}) == errc::not_owned);
    CHECK(detached.readmit({{1}, 1}) == errc::not_owned);
    CHECK(detached.revoke({{1}, 1}).error() == errc::unsupported);
    CHECK(detached.free({1}, 0) == errc::unsupported);
    CHECK(detached.detach({{1}, 1}) == errc::invalid);
    CHECK(detached.detach({}) == errc::invalid);
    CHECK(detached.free_frames() == 0);
    CHECK_FALSE(detached.owns({1}));
    CHECK(detached.validate() == errc::ok);
}

TEST_CASE("attach refuses what does not fit") {
    word words[early::metadata_words(attached)];
    early source;
    CHECK(source.attach({{1}, 0}, words, start::fresh) == errc::invalid);
    CHECK(source.attach({{~std::uint64_t{0}}, 2}, words, start::fresh) == errc::invalid);
    CHECK(source.attach({{0}, std::uint64_t{1} << 31}, words, start::fresh) == errc::limit);
    CHECK(source.attach(attached, view<word>(words).subview(1), start::fresh) == errc::limit);
    CHECK(source.attach(attached, words, start::recover) == errc::corrupt);
    CHECK(source.attach({{0}, (std::uint64_t{1} << 31) - 1}, words, start::fresh) == errc::ok);
    CHECK(source.attach(attached, words, start::fresh) == errc::busy);
}

TEST_CASE("what has no memory yet is not closed, and only all of it is detached") {
    word words[early::metadata_words(attached)];
    early source;
    REQUIRE(source.attach(attached, words, start::fresh) == errc::ok);
    CHECK(source.isolate(attached) == errc::not_owned);
    CHECK(source.readmit(attached) == errc::not_owned);
    CHECK(source.online({{0x1003}, ~std::uint64_t{0}}) == errc::invalid);
    CHECK(source.online({{0x1003}, 0}) == errc::invalid);
    CHECK(source.detach({{0x1003}, 0x4fff}) == errc::invalid);
    CHECK(source.online(attached) == errc::ok);
}

TEST_CASE("blocks are aligned, in one piece, and taken once") {
    booted b;
    const auto first = b.source.allocate({.order = 0});
    REQUIRE(first);
    CHECK(first->number == 0x1003);
    const auto huge = b.source.allocate({.order = 9});
    REQUIRE(huge);
    CHECK(huge->number == 0x1200);
    // The frames in between were skipped.
    CHECK(b.source.free_frames() == b.low.end().number - 0x1400 + b.high.count);
    const auto top = b.source.allocate({.order = 12});
    REQUIRE(top);
    CHECK(top->number == 0x3000);
    b.refuses(errc::unsupported, [&] { return b.source.allocate({.order = 13}).error(); });
    b.refuses(errc::unsupported, [&] { return b.source.allocate({.nodes = node_set::only(1)}).error(); });
    b.refuses(errc::unsupported, [&] { return b.source.allocate({.mirror = mirror::required}).error(); });
    b.refuses(errc::exhausted, [&] { return b.source.allocate({.order = 0, .below = {0x1400}}).error(); });
    CHECK(b.source.allocate({.order = 0, .below = {0x1401}}));
    REQUIRE(b.source.allocate({.order = 12}));
    b.refuses(errc::exhausted, [&] { return b.source.allocate({.order = 12}).error(); });
    CHECK(b.source.allocate({.order = 11}));
    b.refuses(errc::unsupported, [&] { return b.source.free(*top, 12); });
    b.refuses(errc::unsupported, [&] { return b.source.revoke({*top, 1}).error(); });
}

TEST_CASE("frame 0 is handed out only by name") {
    word words[early::metadata_words({{0}, 64})];
    early source;
    REQUIRE(source.attach({{0}, 64}, words, start::fresh) == errc::ok);
    REQUIRE(source.online({{0}, 64}) == errc::ok);
    CHECK(source.allocate_at({{0}, 1}) == errc::ok);
    CHECK(source.allocate({.order = 2})->number == 4);
    early other;
    REQUIRE(other.attach({{0}, 64}, words, start::fresh) == errc::ok);
    REQUIRE(other.online({{0}, 64}) == errc::ok);
    CHECK(other.allocate({.order = 0})->number == 1);
}

TEST_CASE("online: pieces are disjoint and few") {
    booted b;
    b.refuses(errc::busy, [&] { return b.source.online(b.low); });
    b.refuses(errc::busy, [&] { return b.source.online({{0x2002}, 2}); });
    b.refuses(errc::invalid, [&] { return b.source.online({{0x2100}, 0}); });
    b.refuses(errc::not_owned, [&] { return b.source.online({{0x1000}, 4}); });
    CHECK(b.source.online({{0x2003}, 1}) == errc::ok);
    CHECK(b.source.online({{0x2004}, 1}) == errc::ok);
    b.refuses(errc::limit, [&] { return b.source.online({{0x2005}, 1}); });
    CHECK(b.source.owns({0x2004}));
    CHECK_FALSE(b.source.owns({0x2005}));
}

TEST_CASE("allocate_at leaves what lies below as a piece of its own") {
    booted b;
    REQUIRE(b.source.allocate_at({{0x3800}, 0x10}) == errc::ok);
    CHECK(b.rest() == std::vector<range<>>{b.low, {{0x3000}, 0x800}, {{0x3810}, 0x17f0}});
    CHECK(b.source.owns({0x3000}));
    CHECK(b.source.owns({0x3805}));
    CHECK(b.source.validate() == errc::ok);
    b.refuses(errc::busy, [&] { return b.source.allocate_at({{0x380f}, 2}); });
    b.refuses(errc::busy, [&] { return b.source.allocate_at({{0x37ff}, 2}); });
    b.refuses(errc::not_owned, [&] { return b.source.allocate_at({{0x2fff}, 2}); });
    b.refuses(errc::invalid, [&] { return b.source.allocate_at({{0x3000}, 0}); });
    // Where the cursor stands no further piece is needed.
    REQUIRE(b.source.allocate_at({{0x3000}, 4}) == errc::ok);
    REQUIRE(b.source.allocate_at({{0x4000}, 4}) == errc::ok);
    b.refuses(errc::limit, [&] { return b.source.allocate_at({{0x4800}, 1}); });
    CHECK(b.source.allocate_at({{0x4004}, 4}) == errc::ok);
    CHECK(b.source.free_frames() == b.low.count + b.high.count - 0x10 - 12);
}

TEST_CASE("isolate stops it, offline hands back the end of a piece") {
    booted b;
    REQUIRE(b.source.allocate({.order = 4}));
    b.refuses(errc::misaligned, [&] { return b.source.isolate(b.low); });
    b.refuses(errc::busy, [&] { return b.source.offline(b.high); });
    REQUIRE(b.source.isolate(attached) == errc::ok);
    const std::uint64_t free = b.source.free_frames();
    b.refuses(errc::exhausted, [&] { return b.source.allocate({}).error(); });
    CHECK(b.source.allocate_at({{0x3000}, 1}) == errc::ok);
    CHECK(b.source.free_frames() == free - 1);
    b.refuses(errc::busy, [&] { return b.source.offline(b.high); });
    b.refuses(errc::unsupported, [&] { return b.source.offline({{0x3001}, 1}); });
    b.refuses(errc::not_owned, [&] { return b.source.offline({{0x2100}, 1}); });
    CHECK(b.source.offline({{0x3001}, 0x1fff}) == errc::ok);
    CHECK(b.source.owns({0x3000}));
    CHECK_FALSE(b.source.owns({0x3001}));
    // What arrives meanwhile is isolated as well.
    REQUIRE(b.source.online({{0x4000}, 0x100}) == errc::ok);
    b.refuses(errc::exhausted, [&] { return b.source.allocate({}).error(); });
    REQUIRE(b.source.readmit(attached) == errc::ok);
    CHECK(b.source.allocate({.order = 8})->number == 0x1100);
    CHECK(b.source.validate() == errc::ok);
}

TEST_CASE("the hand-over to a buddy: the example of the class comment") {
    using buddy_type = list_buddy<platform>;
    const range<> memory{{0x100}, 0x400};
    static early::word words[early::metadata_words({{0x100}, 0x400})];
    static buddy_type::word buddy_words[buddy_type::metadata_words({{0x100}, 0x400})];
    early first;
    buddy_type buddy;
    REQUIRE(first.attach(memory, words, start::fresh) == errc::ok);
    REQUIRE(first.online(memory) == errc::ok);
    const auto table = first.allocate({.order = 4});
    REQUIRE(table);
    REQUIRE(buddy.attach(memory, buddy_words, start::fresh) == errc::ok);
    REQUIRE(first.isolate(memory) == errc::ok);
    first.visit_free([&](range<> rest) { CHECK(buddy.online(rest) == errc::ok); });
    CHECK(buddy.free_frames() == memory.count - 16);
    CHECK_FALSE(buddy.owns(*table));
    CHECK(first.allocate({}).error() == errc::exhausted);
}

TEST_CASE("recovery goes on where it stopped, and refuses foreign words") {
    booted b;
    REQUIRE(b.source.allocate({.order = 3}));
    REQUIRE(b.source.allocate_at({{0x3800}, 8}) == errc::ok);
    const auto before = b.rest();
    REQUIRE(b.source.detach(attached) == errc::ok);
    early other;
    CHECK(other.attach({attached.first, attached.count - 1}, b.words, start::recover) == errc::corrupt);
    REQUIRE(other.attach(attached, b.words, start::recover) == errc::ok);
    b.source = other;
    CHECK(b.rest() == before);
    CHECK(other.validate() == errc::ok);
    // A cursor beyond its piece.
    b.words[16 + 1].store(0x7000'0000, memory_order::relaxed);
    CHECK(other.validate() == errc::corrupt);
    early third;
    CHECK(third.attach(attached, b.words, start::recover) == errc::corrupt);
}

TEST_CASE("a random history: what is handed out, skipped and left makes up what is online") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        booted b;
        testing::random_bits dice(seed);
        std::vector<int> users(attached.count);
        for (int step = 0; step < 3000; ++step) {
            const auto order = static_cast<unsigned>(dice() % 5);
            const frame<> below = dice() % 2 == 0 ? no_limit<> : attached.first + dice() % attached.count;
            range<> taken{};
            if (dice() % 8 != 0) {
                const auto got = b.source.allocate({.order = order, .below = below});
                if (got) {
                    taken = block(*got, order);
                    REQUIRE(aligned(*got, order));
                    REQUIRE(taken.end() <= below);
                } else {
                    REQUIRE(got.error() == errc::exhausted);
                    for (const auto rest : b.rest()) {
                        const std::uint64_t size = std::uint64_t{1} << order;
                        const std::uint64_t first = (rest.first.number + size - 1) & ~(size - 1);
                        REQUIRE((first + size > rest.end().number || first + size > below.number));
                    }
                }
            } else {
                const range<> some{attached.first + dice() % attached.count, 1 + dice() % 20};
                if (b.source.allocate_at(some) == errc::ok) taken = some;
            }
            for (std::uint64_t i = 0; i < taken.count; ++i) {
                REQUIRE(b.source.owns(taken.first + i));
                REQUIRE(users[taken.first.number + i - attached.first.number]++ == 0);
            }
        }
        CHECK(b.source.validate() == errc::ok);
        std::uint64_t left = 0;
        for (const auto rest : b.rest()) {
            left += rest.count;
            for (std::uint64_t i = 0; i < rest.count; ++i)
                REQUIRE(users[rest.first.number + i - attached.first.number] == 0);
        }
        CHECK(left == b.source.free_frames());
        std::map<std::string, std::uint64_t> figures;
        b.source.describe([&](const char* name, std::uint64_t value) { figures[name] = value; });
        CHECK(figures["present_frames"] == b.low.count + b.high.count);
        CHECK(figures["free_frames"] == left);
    }
}

TEST_CASE("threads take each frame once, while allocate_at and online go on") {
    using shared = bump<platform, bump_shape{.pieces = 32}>;
    constexpr range<> memory{{0x100}, 0x10000};
    static shared::word words[shared::metadata_words(memory)];
    shared source;
    REQUIRE(source.attach(memory, words, start::fresh) == errc::ok);
    REQUIRE(source.online({{0x100}, 0x8000}) == errc::ok);
    std::vector<std::vector<range<>>> taken(3);
    const auto work = [&](std::size_t who) {
        testing::random_bits dice(who + 1);
        for (int step = 0; step < 8000; ++step) {
            const auto order = static_cast<unsigned>(dice() % 3);
            const auto got = source.allocate({.order = order});
            if (got) taken[who].push_back(block(*got, order));
        }
    };
    std::thread first(work, 0);
    std::thread second(work, 1);
    for (unsigned i = 0; i < 8; ++i) {
        const range<> some{{0x6000 + 0x100 * i}, 5};
        if (source.allocate_at(some) == errc::ok) taken[2].push_back(some);
        if (i == 4) CHECK(source.online({{0x8100}, 0x8000}) == errc::ok);
    }
    first.join();
    second.join();
    std::vector<int> users(memory.count);
    int twice = 0;
    std::size_t blocks = 0;
    for (const auto& mine : taken) {
        for (const auto each : mine) {
            ++blocks;
            for (std::uint64_t i = 0; i < each.count; ++i)
                twice += users[each.first.number + i - memory.first.number]++;
        }
    }
    CHECK(twice == 0);
    CHECK(blocks > 5000);
    CHECK(source.validate() == errc::ok);
    source.visit_free([&](range<> rest) {
        for (std::uint64_t i = 0; i < rest.count; ++i)
            twice += users[rest.first.number + i - memory.first.number];
    });
    CHECK(twice == 0);
}

}  // namespace
}  // namespace ashlar
