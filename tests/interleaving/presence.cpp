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

/// What is freed while it is revoked is gone; what is not revoked stays.
template <class World>
void run_revocation(const char* name, World& w, range<> gone, const explorer::program& other) {
    const auto judge = [&w, gone](const std::vector<outcome>& results) -> std::string {
        std::uint64_t all = w.held_at_start | mask_of(gone);
        std::string wrong;
        w.memory.visit_free([&](range<> free) {
            if (free.overlaps(gone)) wrong = "a revoked frame is free";
            all |= mask_of(free);
        });
        all |= results[1][held];
        if (!wrong.empty()) return wrong;
        const bool refused = results[1][told] == code(errc::revoked);
        if (!refused && all != mask_of(World::frames)) return "a frame lost";
        if (w.memory.validate() != errc::ok) return "the metadata disagree";
        return told_nothing_but(results, {errc::ok, errc::revoked, errc::exhausted, errc::busy});
    };
    explore_weak(name, w.bytes(),
                 {[&w, gone] {
                      return outcome{0, code(w.memory.revoke(gone).error())};
                  },
                  other},
                 judge, {.name_of = World::name_of});
}
TEST_CASE("frames of a line that is there in part are revoked while they are freed") {
    small w;
    take_away(w, {{11}, 1});
    w.held_at_start = mask_of({{11}, 1});
    w.hold({{9}, 1});
    lend(w, {{10}, 1});
    run_revocation("a frame is revoked and freed", w, {{10}, 1}, give(w, 10));
    lend(w, {{8}, 1});
    run_revocation("half of what is left is revoked, a free in the other half", w, {{10}, 1}, give(w, 8));
    small row;
    take_away(row, {{11}, 1});
    row.held_at_start = mask_of({{11}, 1});
    row.hold({{10}, 1});
    lend(row, {{8}, 2});
    run_revocation("a frame of a row is revoked, the row is freed", row, {{9}, 1}, give(row, 8, 1));
}
TEST_CASE("half of a line that came back whole is revoked: who takes the rest finds it as it was left") {
    small w;
    lend(w, {{8}, 4});
    // The second program: the revocation, then it takes.
    const auto revoke_and_take = [&w] {
        const errc answer = w.memory.revoke({{8}, 2}).error();
        if (answer != errc::ok) return outcome{0, code(answer)};
        return take(w, 0)();
    };
    const auto judge = [&w](const std::vector<outcome>& results) -> std::string {
        std::string wrong;
        w.memory.visit_free([&](range<> free) {
            if (free.overlaps({{8}, 2})) wrong = "a revoked frame is free";
        });
        if (!wrong.empty()) return wrong;
        return told_nothing_but(results, {errc::ok, errc::revoked, errc::exhausted, errc::busy});
    };
    explore_weak("a line comes back, half of it is revoked, a frame of the rest taken", w.bytes(),
                 {give(w, 8, 2), revoke_and_take}, judge, {.name_of = small::name_of});
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
