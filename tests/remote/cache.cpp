// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cache of windows, verb by verb.
#include <doctest/doctest.h>

#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <utility>

#include "remote/memory_aimer.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

using cache_type = window_cache<memory_aimer>;
using pin_type = cache_type::pin_type;
using attached = attached_cache<cache_type, memory_aimer>;

[[nodiscard]] std::uint64_t local(const pin_type& pin) {
    const auto at = pin.local();
    return at ? at->value : 0;
}

TEST_CASE("a block is mapped when it is asked for, and stays") {
    memory_aimer bridge;
    attached with(bridge);
    REQUIRE(with.answer == errc::ok);
    {
        auto pin = with.cache.pin({0x20'0010}, 8);
        REQUIRE(pin);
        CHECK(bridge.arrives(local(pin)) == 0x20'0010);
        CHECK(pin.bytes() == 8);
        CHECK(with.cache.pins_of(pin.handle().window, pin_owner::cpu) == 1);
    }
    CHECK(bridge.aims == 1);
    auto again = with.cache.pin({0x20'0ff8}, 8);
    CHECK(bridge.arrives(local(again)) == 0x20'0ff8);
    CHECK(bridge.aims == 1);
    CHECK(with.cache.detach() == errc::busy);
    again.release();
    CHECK(again.error() == errc::invalid);
    CHECK(again.local().error() == errc::invalid);
    CHECK(with.cache.detach() == errc::ok);
}

TEST_CASE("what cannot be pinned says why, and changes nothing") {
    memory_aimer bridge;
    attached with(bridge);
    CHECK(with.cache.pin({0x1000}, 0).error() == errc::invalid);
    CHECK(with.cache.pin({0x1ff9}, 8).error() == errc::misaligned);
    CHECK(with.cache.pin({0x1000}, 0x1001).error() == errc::misaligned);
    CHECK(with.cache.pin({0x1000}, ~std::uint64_t{0}).error() == errc::misaligned);
    CHECK(with.cache.pin({std::uint64_t{0xffff'fffe} << 12}, 1).error() == errc::not_covered);
    CHECK(with.cache.pin({~std::uint64_t{0}}, 1).error() == errc::not_covered);
    CHECK(bridge.asked == 0);
    CHECK(with.cache.pin({std::uint64_t{0xffff'fffd} << 12}, 0x1000));

    cache_type other;
    std::vector<cache_type::word> words(cache_type::metadata_words(4));
    CHECK(other.attach(bridge, {words.data(), words.size() - 1}) == errc::limit);
    memory_aimer odd;
    odd.bytes = 0x1800;
    CHECK(other.attach(odd, {words.data(), words.size()}) == errc::invalid);
    odd.bytes = 0x1000;
    odd.count = 0;
    CHECK(other.attach(odd, {words.data(), words.size()}) == errc::invalid);
    CHECK(other.attach(bridge, {words.data(), words.size()}) == errc::ok);
    CHECK(other.attach(bridge, {words.data(), words.size()}) == errc::busy);
    CHECK(cache_type::metadata_words(0) == 0);
    CHECK(cache_type::metadata_words(1U << 17) == 0);
}

TEST_CASE("a pinned window is not aimed elsewhere, whoever holds it") {
    for (const pin_owner owner : {pin_owner::cpu, pin_owner::dma, pin_owner::device}) {
        memory_aimer bridge;
        attached with(bridge);
        pin_type pins[4];
        for (std::uint64_t i = 0; i < 4; ++i) pins[i] = with.cache.pin({i << 12}, 8, owner);
        const auto aimed = bridge.targets;
        CHECK(with.cache.pin({0x9000}, 8).error() == errc::busy);
        CHECK(bridge.targets == aimed);
        for (std::uint64_t i = 0; i < 4; ++i) {
            CHECK(bridge.arrives(local(pins[i])) == i << 12);
            CHECK(with.cache.pins_of(pins[i].handle().window, owner) == 1);
        }
        const std::uint32_t freed = pins[2].handle().window;
        pins[2].release();
        CHECK(with.cache.pins_of(freed, owner) == 0);
        auto now = with.cache.pin({0x9000}, 8);
        CHECK(now.handle().window == freed);
        CHECK(bridge.arrives(local(now)) == 0x9000);
    }
}

TEST_CASE("pins move") {
    memory_aimer bridge;
    attached with(bridge);
    auto one = with.cache.pin({0x1000}, 8, pin_owner::dma);
    pin_type other = std::move(one);
    CHECK(!one);
    CHECK(other);
    other = with.cache.pin({0x2000}, 8);
    CHECK(bridge.arrives(local(other)) == 0x2000);
    pin_type& same = other;
    other = std::move(same);
    CHECK(other);
    other = pin_type();
    CHECK(with.cache.detach() == errc::ok);
}

TEST_CASE("several at once, all or none") {
    memory_aimer bridge;
    attached with(bridge);
    // Blocks 0 to 3 are there; those that are asked for again stay, the new one takes another.
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(with.cache.pin({i << 12}, 8));
    const byte_range<peer> wanted[] = {{{0x9000}, 16}, {{0x1008}, 8}, {{0x1ff0}, 16}, {{0x3000}, 0x1000}};
    pin_type pins[4];
    REQUIRE(with.cache.pin_all(wanted, pins) == errc::ok);
    for (std::size_t i = 0; i < 4; ++i) CHECK(bridge.arrives(local(pins[i])) == wanted[i].first.value);
    CHECK(bridge.aims == 5);
    CHECK(pins[1].handle().window == pins[2].handle().window);
    for (pin_type& each : pins) each.release();

    const byte_range<peer> spread[] = {
        {{0x1000}, 8}, {{0x2000}, 8}, {{0x3000}, 8}, {{0x4000}, 8}, {{0x5000}, 8}};
    pin_type five[5];
    CHECK(with.cache.pin_all(spread, five) == errc::too_large);
    CHECK(with.cache.pin_all(spread, pins) == errc::invalid);
    const byte_range<peer> crossing[] = {{{0x1000}, 8}, {{0x2fff}, 2}};
    CHECK(with.cache.pin_all(crossing, pins) == errc::misaligned);
    // Whichever fails, none of the pins holds what it did before.
    const byte_range<peer> later[] = {{{0x2fff}, 2}, {{0x1000}, 8}};
    pins[1] = with.cache.pin({0x3000}, 8);
    CHECK(with.cache.pin_all(later, pins) == errc::misaligned);
    CHECK(!pins[1]);
    auto held = with.cache.pin({0x9000}, 1, pin_owner::device);
    CHECK(with.cache.pin_all({spread, 4}, five) == errc::busy);
    for (const pin_type& each : five) CHECK(!each);
    held.release();
    CHECK(with.cache.pin_all({spread, 4}, five) == errc::ok);
    for (pin_type& each : five) each.release();
    CHECK(with.cache.detach() == errc::ok);
}

TEST_CASE("what the bridge refuses is not asked again soon") {
    memory_aimer bridge;
    bridge.refused = {0x5000};
    attached with(bridge);
    auto held = with.cache.pin({0x1000}, 1);
    CHECK(with.cache.pin({0x5000}, 1).error() == errc::not_covered);
    const std::uint64_t asked = bridge.asked;
    for (int i = 0; i < 64; ++i) CHECK(with.cache.pin({0x5000}, 1).error() == errc::not_covered);
    CHECK(bridge.asked == asked);
    bridge.refused.clear();
    CHECK(with.cache.pin({0x5000}, 1));  // its time is over
    bridge.refused = {0x6000};
    CHECK(with.cache.pin({0x6000}, 1).error() == errc::not_covered);
    bridge.refused.clear();
    CHECK(with.cache.pin({0x6000}, 1).error() == errc::not_covered);
    CHECK(with.cache.forget({{0x6000}, 1}) == errc::ok);
    CHECK(with.cache.pin({0x6000}, 1));
    // What passes by itself is asked again.
    bridge.refused = {0x7000};
    bridge.refusal = errc::busy;
    CHECK(with.cache.pin({0x7000}, 1).error() == errc::busy);
    bridge.refused.clear();
    CHECK(with.cache.pin({0x7000}, 1));
    CHECK(bridge.arrives(local(held)) == 0x1000);
}

TEST_CASE("after the link was lost every pin and handle fails, and nothing old is used") {
    memory_aimer bridge;
    attached with(bridge);
    auto old = with.cache.pin({0x1000}, 8);
    auto kept = with.cache.pin({0x2000}, 8);
    const window_handle known = kept.handle();
    kept.release();
    CHECK(with.cache.pin_again(known, {0x2010}, 8));
    CHECK(with.cache.pin_again(known, {0x3010}, 8).error() == errc::invalid);
    with.cache.link_lost();
    with.cache.link_lost();
    CHECK(!with.cache.is_up());
    CHECK(old.local().error() == errc::revoked);
    CHECK(with.cache.pin({0x1000}, 8).error() == errc::revoked);
    CHECK(with.cache.pin({0x3000}, 8).error() == errc::revoked);
    with.cache.link_restored();
    CHECK(with.cache.epoch() == 3);
    CHECK(old.local().error() == errc::stale);
    CHECK(with.cache.pin_again(known, {0x2010}, 8).error() == errc::stale);
    const std::uint64_t aims = bridge.aims;
    auto fresh = with.cache.pin({0x1000}, 8);
    CHECK(bridge.aims == aims + 1);
    CHECK(bridge.arrives(local(fresh)) == 0x1000);
    CHECK(fresh.handle().window != old.handle().window);  // the old pin still holds its window
    CHECK(with.cache.pin({0x1000}, 8));
    CHECK(bridge.aims == aims + 1);
}

TEST_CASE("a handle of an older generation fails") {
    memory_aimer bridge;
    bridge.count = 1;
    attached with(bridge);
    const window_handle known = with.cache.pin({0x1000}, 8).handle();
    (void)with.cache.pin({0x2000}, 8);
    CHECK(with.cache.pin_again(known, {0x1000}, 8).error() == errc::stale);
    (void)with.cache.pin({0x1000}, 8);
    CHECK(with.cache.pin_again(known, {0x1000}, 8).error() == errc::stale);
    window_handle wrong = known;
    wrong.window = 7;
    CHECK(with.cache.pin_again(wrong, {0x1000}, 8).error() == errc::invalid);
    CHECK(with.cache.detach() == errc::ok);
}

TEST_CASE("frames that leave are forgotten, and pinned ones are waited for") {
    for (const bool ordered : {false, true}) {
        memory_aimer bridge;
        bridge.ordered = ordered;
        attached with(bridge);
        auto held = with.cache.pin({0x1000}, 8);
        for (std::uint64_t i = 2; i < 5; ++i) REQUIRE(with.cache.pin({i << 12}, 8));
        CHECK(with.cache.forget({{0x1800}, 0x1000}) == errc::busy);
        CHECK(bridge.arrives(local(held)) == 0x1000);
        const std::uint64_t before = bridge.aims;
        held.release();
        CHECK(with.cache.forget({{0x1800}, 0x1000}) == errc::ok);
        for (const std::uint64_t each : bridge.targets) CHECK((each != 0x1000 && each != 0x2000));
        CHECK(with.cache.pin({0x1000}, 8));
        CHECK(bridge.aims > before);
        CHECK(with.cache.pin({0x3000}, 8));
        CHECK(with.cache.forget({{0}, 0}) == errc::invalid);
        CHECK(with.cache.forget({{~std::uint64_t{0} - 0xfff}, 0x1000}) == errc::ok);  // no block of it
        CHECK(with.cache.forget({{1}, ~std::uint64_t{0}}) == errc::ok);
        for (const std::uint64_t each : bridge.targets) CHECK(each == memory_aimer::nowhere);
        CHECK(!bridge.is_wrong);
    }
}

TEST_CASE("neighbours come side by side where nothing is lost by it") {
    memory_aimer bridge;
    attached with(bridge);
    auto one = with.cache.pin({0x1000}, 0x1000);
    auto two = with.cache.pin({0x2000}, 0x1000);
    CHECK(local(two) == local(one) + 0x1000);
}

TEST_CASE("a last-in-first-out decoder is only changed from its end") {
    memory_aimer bridge;
    bridge.ordered = true;
    bridge.count = 6;
    attached with(bridge);
    for (std::uint64_t i = 0; i < 6; ++i) REQUIRE(with.cache.pin({i << 12}, 8));
    CHECK(bridge.aims == 6);
    for (int i = 0; i < 20; ++i)
        for (std::uint64_t hot = 0; hot < 5; ++hot) REQUIRE(with.cache.pin({hot << 12}, 8));
    CHECK(bridge.aims == 6);
    // A scan passes through the last one.
    for (std::uint64_t i = 100; i < 110; ++i) REQUIRE(with.cache.pin({i << 12}, 8));
    CHECK(bridge.aims == 16);
    // The last one is held: nothing below it can be changed.
    auto last = with.cache.pin({std::uint64_t{109} << 12}, 8, pin_owner::dma);
    CHECK(with.cache.pin({std::uint64_t{200} << 12}, 8).error() == errc::busy);
    last.release();
    bridge.refused = {std::uint64_t{200} << 12};
    CHECK(with.cache.pin({std::uint64_t{200} << 12}, 8).error() == errc::not_covered);
    for (std::uint64_t hot = 0; hot < 5; ++hot) {
        auto pin = with.cache.pin({hot << 12}, 8);
        CHECK(bridge.arrives(local(pin)) == hot << 12);
    }
    with.cache.link_lost();
    with.cache.link_restored();
    for (std::uint64_t hot = 0; hot < 5; ++hot) {
        auto pin = with.cache.pin({hot << 12}, 8);
        CHECK(bridge.arrives(local(pin)) == hot << 12);
    }
    CHECK(!bridge.is_wrong);
}

TEST_CASE("a window that does not close is left alone for some misses, and the others serve") {
    memory_aimer bridge;
    attached with(bridge);
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(with.cache.pin({i << 12}, 8));
    for (bridge.stuck = 0; bridge.targets[bridge.stuck] != 0x2000; ++bridge.stuck) {
    }
    const std::uint64_t asked = bridge.asked;
    const std::uint64_t aims = bridge.aims;
    for (std::uint64_t i = 10; i < 138; ++i) {
        auto pin = with.cache.pin({i << 12}, 8);
        CHECK(bridge.arrives(local(pin)) == i << 12);
    }
    CHECK(bridge.aims - aims == 128);
    CHECK(bridge.asked - asked - 128 <= 2);  // it was asked for again, but not often
    CHECK(bridge.asked - asked - 128 > 0);
    // It shows what it did, and that is not said to be gone.
    CHECK(bridge.targets[bridge.stuck] == 0x2000);
    CHECK(with.cache.forget({{0x2000}, 0x1000}) == errc::unreadable);
    CHECK(with.cache.forget({{0x2000}, 0x1000}) == errc::unreadable);
    // Where there is no other one, it is said why.
    pin_type held[3];
    for (std::uint64_t i = 0; i < 3; ++i) REQUIRE((held[i] = with.cache.pin({(200 + i) << 12}, 8)));
    CHECK(with.cache.pin({std::uint64_t{300} << 12}, 8).error() == errc::unreadable);
    bridge.stuck = memory_aimer::no_window;
    CHECK(with.cache.forget({{0x2000}, 0x1000}) == errc::ok);
    for (const std::uint64_t each : bridge.targets) CHECK(each != 0x2000);
    CHECK(with.cache.pin({std::uint64_t{300} << 12}, 8));  // the block is not to blame
    for (pin_type& each : held) each.release();
    // A link that has come again is another chance for all of them.
    bridge.stuck = memory_aimer::every_window;
    CHECK(with.cache.forget({{0}, 0x1000'0000}) == errc::unreadable);
    bridge.stuck = memory_aimer::no_window;
    with.cache.link_lost();
    with.cache.link_restored();
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(with.cache.pin({(400 + i) << 12}, 8));
    const std::uint64_t all = bridge.aims;
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(with.cache.pin({(400 + i) << 12}, 8));
    CHECK(bridge.aims == all);
    CHECK(!bridge.is_wrong);
}

TEST_CASE(
    "a last-in-first-out decoder that does not let go of a window: told, and what it shows is nobody's") {
    memory_aimer bridge;
    bridge.ordered = true;
    attached with(bridge);
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(with.cache.pin({i << 12}, 8));
    bridge.stuck = 2;
    CHECK(with.cache.forget({{0x1000}, 0x1000}) == errc::unreadable);
    const std::uint64_t aims = bridge.aims;
    CHECK(with.cache.pin({0}, 8));
    CHECK(bridge.aims == aims);
    for (std::uint64_t i = 1; i < 4; ++i) {
        auto again = with.cache.pin({i << 12}, 8);
        CHECK((again ? bridge.arrives(local(again)) == i << 12 : again.error() == errc::unreadable));
        CHECK(!(again && again.handle().window < 3));
    }
    // Nor after the link was away.
    with.cache.link_lost();
    with.cache.link_restored();
    CHECK(with.cache.pin({0x1000}, 8).error() == errc::unreadable);
    CHECK(with.cache.forget({{0}, 0x8000}) == errc::unreadable);
    bridge.stuck = memory_aimer::no_window;
    for (std::uint64_t i = 0; i < 4; ++i) {
        auto again = with.cache.pin({(i + 10) << 12}, 8);
        CHECK(bridge.arrives(local(again)) == (i + 10) << 12);
    }
    CHECK(!bridge.is_wrong);
}

TEST_CASE("a window over everything has the same verbs") {
    identity_window<> all({{0x1'0000'0000}, 1 << 30}, {0x42'0000'0000});
    auto pin = all.pin({0x1'0010'0008}, 8);
    REQUIRE(pin);
    CHECK(pin.local()->value == 0x42'0010'0008);
    CHECK(all.pin({0xffff'ffff}, 1).error() == errc::not_covered);
    CHECK(all.pin({0x1'3fff'ffff}, 2).error() == errc::not_covered);
    CHECK(all.pin({0x1'3fff'ffff}, 0).error() == errc::invalid);
    CHECK(all.reach({0x1'3fff'ffff}) == 1);
    CHECK(all.reach({0}) == 0);
    const byte_range<peer> both[] = {{{0x1'0000'0000}, 1}, {{0}, 1}};
    identity_window<>::pin_type pins[2];
    CHECK(all.pin_all(both, pins) == errc::not_covered);
    CHECK(!pins[0]);
    CHECK(all.pin_all({both, 1}, pins) == errc::ok);
    CHECK(all.pin_all(both, {pins, 1}) == errc::invalid);
    CHECK(pins[0]);
    const byte_range<peer> later[] = {{{0}, 1}, {{0x1'0000'0000}, 1}};
    pins[1] = all.pin({0x1'0000'0000}, 1);
    CHECK(all.pin_all(later, pins) == errc::not_covered);
    CHECK(!pins[1]);
    CHECK(all.pin_all({both, 1}, pins) == errc::ok);
    all.link_lost();
    CHECK(pin.local().error() == errc::revoked);
    CHECK(all.pin({0x1'0010'0008}, 8).error() == errc::revoked);
    all.link_restored();
    CHECK(pin.local().error() == errc::stale);
    CHECK(all.pin({0x1'0010'0008}, 8));
}

TEST_CASE("ranges that wrap, and no windows at all") {
    memory_aimer bridge;
    attached_cache<window_cache<memory_aimer>, memory_aimer> with(bridge);
    REQUIRE(with.cache.pin({0x5000}, 8));
    const std::uint64_t aims = bridge.aims;
    const auto known = with.cache.pin({0x5000}, 8).handle();
    CHECK(with.cache.pin_again(known, {0x5ffc}, 8).error() == errc::misaligned);
    CHECK(with.cache.pin_again(known, {0x5000}, 0).error() == errc::invalid);
    CHECK(with.cache.pin_again(known, {0x5008}, 8));
    CHECK(with.cache.forget({{0x5000}, ~std::uint64_t{0}}) == errc::invalid);
    CHECK(with.cache.pin({0x5000}, 8));
    CHECK(bridge.aims == aims);
    memory_aimer many;
    many.count = ~std::uint32_t{0};
    std::vector<window_cache<memory_aimer>::word> words(1024);
    window_cache<memory_aimer> none;
    REQUIRE(window_cache<memory_aimer>::metadata_words(many.count) == 0);
    CHECK(none.attach(many, {words.data(), words.size()}) == errc::limit);
    bridge.count = 1;
    CHECK(none.attach(bridge, {words.data(), words.size()}) == errc::ok);
}

TEST_CASE("blocks that have no number of their own are not taken for others") {
    memory_aimer bridge;
    attached_cache<window_cache<memory_aimer>, memory_aimer> with(bridge);
    const auto held = with.cache.pin({0x5000}, 8);
    REQUIRE(held);
    // The low 32 bits of its number are those of the block that is pinned.
    CHECK(with.cache.forget({{(std::uint64_t{1} << 44) + 0x5000}, 0x1000}) == errc::ok);
    CHECK(held.local());
}

}  // namespace
