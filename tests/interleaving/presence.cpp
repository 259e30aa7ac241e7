// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the shipped radix_buddy while memory enters and leaves beside
// frames that stay: whoever asks about these, or frees them, is answered as if nothing happened.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using buddy = radix_buddy<stepped_platform, tiny>;
using small = world<buddy, 4>;
using large = world<buddy, 8>;

/// `some` are not online.
template <class World>
void take_away(World& w, range<> some) {
    REQUIRE(w.memory.isolate(World::frames) == errc::ok);
    REQUIRE(w.memory.offline(some) == errc::ok);
    REQUIRE(w.memory.readmit(World::frames) == errc::ok);
}
template <class World>
explorer::program enter(World& w, range<> some) {
    return [&w, some] {
        w.use(some);
        return outcome{0, code(w.memory.online(some))};
    };
}
template <class World>
explorer::program revoke(World& w, range<> some) {
    return [&w, some] { return outcome{mask_of(some), code(w.memory.revoke(some).error())}; };
}
template <class World>
explorer::program offline(World& w, range<> some) {
    return [&w, some] {
        const errc answer = w.memory.offline(some);
        return outcome{answer == errc::ok ? mask_of(some) : 0, code(answer)};
    };
}
/// Asks about a frame: wrong if the answer is not this one.
template <class World>
explorer::program asks(World& w, std::uint64_t number, bool owned) {
    return [&w, number, owned] {
        return outcome{0, code(w.memory.owns({number}) == owned ? errc::ok : errc::not_owned)};
    };
}

TEST_CASE("memory enters beside frames of its line: these are there at each moment") {
    small w;
    take_away(w, {{10}, 2});
    w.hold({{9}, 1});
    run("half a line enters, who asks about the other half", w, {enter(w, {{10}, 2}), asks(w, 8, true)},
        all_served);
    lend(w, {{8}, 1});
    run("half a line enters, a free in the other half", w, {enter(w, {{10}, 2}), give(w, 8)}, all_served);
    small row;
    take_away(row, {{10}, 2});
    lend(row, {{8}, 2});
    run("half a line enters, a free of the other half", row, {enter(row, {{10}, 2}), give(row, 8, 1)},
        all_served);
}

TEST_CASE("memory enters between holes: what is absent is absent at each moment") {
    small w;
    take_away(w, {{9}, 3});
    w.held_at_start = mask_of({{9}, 1}) | mask_of({{11}, 1});
    run("a frame enters, who asks about one before", w, {enter(w, {{10}, 1}), asks(w, 9, false)}, all_served);
    run("a frame enters, who asks about one after", w, {enter(w, {{10}, 1}), asks(w, 11, false)}, all_served);
    run("a frame enters, who asks about one that is there", w, {enter(w, {{10}, 1}), asks(w, 8, true)},
        all_served);
    // The hole is in the second slot; what is left of it goes to the first.
    large two;
    take_away(two, {{8}, 1});
    take_away(two, {{13}, 3});
    REQUIRE(two.memory.online({{8}, 1}) == errc::ok);
    two.held_at_start = mask_of({{13}, 1}) | mask_of({{15}, 1});
    run("a frame enters, who asks about one after, whose hole comes before", two,
        {enter(two, {{14}, 1}), asks(two, 15, false)}, all_served);
}

TEST_CASE("memory leaves beside frames of its line: these are there at each moment") {
    small w;
    lend(w, {{8}, 1});
    w.hold({{9}, 1});
    run("half a line is revoked, who asks about the other half", w,
        {revoke(w, {{10}, 2}),
         [&w] {
             return outcome{mask_of({{8}, 1}), code(w.memory.owns({8}) ? errc::ok : errc::not_owned)};
         }},
        all_served);
    run("half a line is revoked, a free in the other half", w, {revoke(w, {{10}, 2}), give(w, 8)},
        all_served);
    REQUIRE(w.memory.isolate(small::frames) == errc::ok);
    run("half a line leaves, a free in the other half", w, {offline(w, {{10}, 2}), give(w, 8)}, all_served);
}

TEST_CASE("a line enters: who finds it finds it as it was left") {
    large w;
    take_away(w, {{12}, 4});
    w.hold({{8}, 4});
    run("a line enters, a taker of a frame", w, {enter(w, {{12}, 4}), take(w, 0)}, frees_succeed);
    run("a line enters and is told of, a taker of it", w,
        {then_tell(w, enter(w, {{12}, 4})), if_told(w, take(w, 2))}, all_served);
    run("a line enters and is told of, who asks", w,
        {then_tell(w, enter(w, {{12}, 4})), if_told(w, asks(w, 13, true))}, all_served);
}

}  // namespace
