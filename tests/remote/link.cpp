// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Links that are lost, peers that start again, and the hand-shake over scratchpads, message registers and a
// page.
#include <doctest/doctest.h>

#include <ashlar/remote/hand_shake.hpp>
#include <ashlar/remote/link_guard.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdint>
#include <deque>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace ashlar;

static_assert(!is_epoch(0) && !is_epoch(~std::uint32_t{0}) && is_epoch(1));
static_assert(canary_of(7) >> 32 == 7);

TEST_CASE("canaries are never all ones, never 0, and no two alike") {
    std::set<std::uint64_t> seen;
    for (std::uint32_t epoch = 1; epoch < 20'000; ++epoch) {
        const std::uint64_t canary = canary_of(epoch * 214'013);
        CHECK(canary != 0);
        CHECK(canary != ~std::uint64_t{0});
        CHECK(seen.insert(canary).second);
    }
}

TEST_CASE("a handle of an older epoch fails closed") {
    link_guard<>::word words[link_guard<>::words]{};
    const link_guard<> link(words);
    CHECK(link.check(0) == errc::revoked);
    CHECK(link.raise(0).error() == errc::invalid);
    CHECK(link.raise(~std::uint32_t{0}).error() == errc::invalid);
    const auto first = link.raise(5);
    REQUIRE(first.has_value());
    CHECK(link.raise(5).error() == errc::busy);
    CHECK(link.check(*first) == errc::ok);
    CHECK(link.check(*first, canary_of(5)) == errc::ok);
    SUBCASE("all ones") {
        CHECK(link.judge(~std::uint64_t{0}) == link_verdict::lost);
        CHECK(link.check(*first, ~std::uint64_t{0}) == errc::revoked);
    }
    SUBCASE("the peer started again") {
        CHECK(link.judge(canary_of(6)) == link_verdict::other);
        CHECK(link.check(*first, canary_of(6)) == errc::revoked);
    }
    SUBCASE("no canary") {
        CHECK(link.judge(0) == link_verdict::unshaped);
        CHECK(link.judge(canary_of(5) ^ 1) == link_verdict::unshaped);
        CHECK(link.check(*first, canary_of(5) ^ 1) == errc::revoked);
    }
    SUBCASE("lowered") {
        link.lower();
    }
    // Down for all, whatever is read now, until it is raised; and the old handle for ever.
    CHECK(link.check(*first) == errc::revoked);
    CHECK(link.check(*first, canary_of(5)) == errc::revoked);
    const auto second = link.raise(6);
    REQUIRE(second.has_value());
    CHECK(*second != *first);
    CHECK(link.check(*first, canary_of(6)) == errc::stale);
    CHECK(link.check(*first) == errc::stale);
    CHECK(link.check(0) == errc::stale);
    CHECK(link.check(*second, canary_of(6)) == errc::ok);
    link.lower();
    link.lower();
    CHECK((link.epoch() & 1) == 0);
}

/// Scratchpads that both sides see: each writes its own half.
struct pads {
    std::uint32_t words[32]{};
    bool up = true;
};
struct pad_side {
    pads& shared;
    std::uint32_t read32(std::uint64_t offset) {
        return shared.up ? shared.words[offset / 4] : ~std::uint32_t{0};
    }
    std::uint64_t read64(std::uint64_t offset) { return read32(offset); }
    void write32(std::uint64_t offset, std::uint32_t value) {
        if (shared.up) shared.words[offset / 4] = value;
    }
    void write64(std::uint64_t offset, std::uint64_t value) {
        write32(offset, static_cast<std::uint32_t>(value));
    }
    void store_fence() {}
};
const hello left_hello{.epoch = 7, .offered = {{0x1'0000'0000}, 0x1000'0000}, .canary = {0x1'0fff'fff8}};
const hello right_hello{.epoch = 9, .offered = {{0x2'0000'0000}, 0x3000'0000}, .canary = {0x2'0000'0000}};

bool same(const hello& heard, const hello& said) {
    return heard.epoch == said.epoch && heard.offered == said.offered && heard.canary == said.canary;
}
template <class Left, class Right>
void both_ok(Left& left, Right& right, std::uint64_t seed) {
    testing::random_bits random(seed);
    errc one = errc::busy;
    errc other = errc::busy;
    for (unsigned i = 0; i < 1000 && (one != errc::ok || other != errc::ok); ++i) {
        if (random() % 2 != 0) {
            one = left.step();
        } else {
            other = right.step();
        }
    }
    CHECK(one == errc::ok);
    CHECK(other == errc::ok);
}

TEST_CASE("over scratchpads, one side started again") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        pads shared;
        pad_side side{shared};
        scratchpad_words a(side, 0, 64);
        scratchpad_words b(side, 64, 0);
        static_assert(hello_channel<decltype(a)>);
        hand_shake left(a, left_hello);
        hand_shake right(b, right_hello);
        both_ok(left, right, seed);
        CHECK(same(left.peer_hello(), right_hello));
        CHECK(same(right.peer_hello(), left_hello));
        // The right one is started again; its pads still have what it said before.
        hello again = right_hello;
        again.epoch = 10;
        hand_shake restarted(b, again);
        CHECK(restarted.step() != errc::ok);
        both_ok(left, restarted, seed + 1000);
        CHECK(left.peer_hello().epoch == 10);
    }
}
TEST_CASE("the words of a peer that died are believed by the epoch that it had heard, and by no other") {
    pads shared;
    pad_side side{shared};
    scratchpad_words a(side, 0, 64);
    scratchpad_words b(side, 64, 0);
    hand_shake left(a, left_hello);
    hand_shake right(b, right_hello);
    both_ok(left, right, 5);
    // The right one is dead. The left one goes on, and tries again.
    const auto is_heard = [&](std::uint32_t epoch) {
        hello own = left_hello;
        own.epoch = epoch;
        hand_shake again(a, own);
        errc answer = errc::busy;
        for (unsigned i = 0; i < 100 && answer == errc::busy; ++i) answer = again.step();
        return answer == errc::ok;
    };
    CHECK(is_heard(left_hello.epoch));
    CHECK_FALSE(is_heard(left_hello.epoch + 1));
}
TEST_CASE("what cannot be is refused") {
    pads shared;
    pad_side side{shared};
    scratchpad_words a(side, 0, 64);
    hand_shake left(a, left_hello);
    // Pads that were never written, or half written.
    CHECK(left.step() == errc::busy);
    const auto put = [&](const hello& said, std::uint32_t tag) {
        auto image = detail::hello_image::of(said);
        image.words[0] = tag;
        image.words[hello_words - 1] = image.sum();
        for (std::uint32_t i = 0; i < hello_words; ++i) shared.words[16 + i] = image.words[i];
    };
    put(right_hello, detail::hello_tag + 1);
    CHECK(left.step() == errc::unsupported);
    put({.epoch = 0}, detail::hello_tag);
    CHECK(left.step() == errc::invalid);
    put({.epoch = 9, .offered = {{~std::uint64_t{0}}, 16}}, detail::hello_tag);
    CHECK(left.step() == errc::invalid);
    put(right_hello, detail::hello_tag);
    shared.words[20] ^= 1;
    CHECK(left.step() == errc::busy);
    // Heard an earlier start of ours: not yet.
    put({.epoch = 9, .peer_epoch = 6}, detail::hello_tag);
    CHECK(left.step() == errc::busy);
    CHECK(left.step() == errc::busy);
    put({.epoch = 9, .peer_epoch = 7}, detail::hello_tag);
    CHECK(left.step() == errc::ok);
    shared.up = false;
    CHECK(left.step() == errc::revoked);
    hand_shake nobody(a, {.epoch = 0});
    CHECK(nobody.step() == errc::invalid);
}

/// Message registers: one message at a time each way.
struct port {
    std::deque<std::pair<std::uint32_t, std::uint32_t>>& to;
    std::deque<std::pair<std::uint32_t, std::uint32_t>>& from;
    errc send(std::uint32_t tag, std::uint32_t value) {
        if (!to.empty()) return errc::busy;
        to.emplace_back(tag, value);
        return errc::ok;
    }
    errc receive(std::uint32_t& tag, std::uint32_t& value) {
        if (from.empty()) return errc::busy;
        std::tie(tag, value) = from.front();
        from.pop_front();
        return errc::ok;
    }
};
TEST_CASE("over message registers") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        std::deque<std::pair<std::uint32_t, std::uint32_t>> one;
        std::deque<std::pair<std::uint32_t, std::uint32_t>> other;
        port a_port{one, other};
        port b_port{other, one};
        message_words a(a_port);
        message_words b(b_port);
        hand_shake left(a, left_hello);
        hand_shake right(b, right_hello);
        both_ok(left, right, seed);
        CHECK(same(left.peer_hello(), right_hello));
        CHECK(same(right.peer_hello(), left_hello));
    }
}

/// A channel with a peer that has heard us; what we write is refused.
struct refusing_channel {
    detail::hello_image heard = detail::hello_image::of({.epoch = 9, .peer_epoch = 7});
    errc refusal = errc::ok;

    errc write(std::uint32_t, std::uint32_t) { return refusal; }
    result<std::uint32_t> read(std::uint32_t index) { return heard.words[index]; }
};

TEST_CASE("a hand-shake that cannot speak, or offers what cannot be") {
    refusing_channel channel;
    hand_shake fine(channel, {.epoch = 7});
    CHECK(fine.step() == errc::busy);  // whom it heard is said first
    CHECK(fine.step() == errc::ok);
    channel.refusal = errc::revoked;
    hand_shake mute(channel, {.epoch = 7});
    CHECK(mute.step() == errc::revoked);
    CHECK(mute.peer_hello().epoch == 0);
    channel.refusal = errc::ok;
    hand_shake wraps(channel, {.epoch = 7, .offered = {{~std::uint64_t{0} - 3}, 8}});
    CHECK(wraps.step() == errc::invalid);
}

TEST_CASE("a handle that is older than the link is stale, whatever was read") {
    link_guard<>::word state[link_guard<>::words]{};
    const link_guard<> link(state);
    const auto first = link.raise(5);
    REQUIRE(first);
    link.lower();
    REQUIRE(link.raise(6));
    CHECK(link.check(*first, canary_of(5)) == errc::stale);
    CHECK(link.check(*first, ~std::uint64_t{0}) == errc::stale);
}

}  // namespace
