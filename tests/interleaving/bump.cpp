// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the shipped bump source: four frames, three pieces.
#include <doctest/doctest.h>

#include <ashlar/source/bump.hpp>
#include <string>

#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using source = bump<stepped_platform, bump_shape{.pieces = 3}>;
using small = world<source, 4>;

/// Exactly these frames.
explorer::program take_these(small& w, range<> wanted) {
    return [&w, wanted] {
        const errc answer = w.memory.allocate_at(wanted);
        if (answer != errc::ok) return outcome{0, code(answer)};
        w.use(wanted);
        return outcome{mask_of(wanted), code(answer)};
    };
}
/// Memory that its discoverer writes to (tables, zeroes) before it enters.
explorer::program enter(small& w, range<> some) {
    return [&w, some] {
        w.use(some);
        return outcome{0, code(w.memory.online(some))};
    };
}
void take_away(small& w, range<> some) {
    REQUIRE(w.memory.isolate(small::frames) == errc::ok);
    REQUIRE(w.memory.offline(some) == errc::ok);
    REQUIRE(w.memory.readmit(small::frames) == errc::ok);
}

TEST_CASE("bump: nobody gets what another one got") {
    small w;
    run("two takers, one of two", w, {one_and(take(w, 0), take(w, 0)), take(w, 0)}, all_served);
    run("three takers", w, {take(w, 0), take(w, 0), take(w, 0)}, all_served);
}

TEST_CASE("bump: who finds memory that enters finds it as it was left") {
    small w;
    take_away(w, {{10}, 2});
    w.hold({{8}, 2});
    run("memory enters, two takers", w, {enter(w, {{10}, 2}), take(w, 0), take(w, 0)}, frees_succeed);
    run("memory enters and is told of, a taker that is told", w,
        {then_tell(w, enter(w, {{10}, 2})), if_told(w, take(w, 0))}, all_served);
    const auto owns = [&w] { return outcome{0, code(errc::ok), w.memory.owns({11}) ? 1u : 0u}; };
    run("memory enters, somebody asks whether it is there", w, {enter(w, {{10}, 2}), owns}, all_served);
}

TEST_CASE("bump: what allocate_at jumps over is somewhere at each moment") {
    small w;
    run("the last frame, a taker", w, {take_these(w, {{11}, 1}), take(w, 0)}, nobody_exhausted);
    run("the middle, a taker that takes again", w, {take_these(w, {{9}, 2}), one_and(take(w, 0), take(w, 0))},
        frees_succeed);
    run("the last two frames, two takers", w, {take_these(w, {{10}, 2}), take(w, 0), take(w, 0)},
        nobody_exhausted);
    run("the last frame, then the one before, a taker", w,
        {one_and(take_these(w, {{11}, 1}), take_these(w, {{10}, 1})), take(w, 0)}, nobody_exhausted);
    // Whether a frame is here is exact at all times.
    const auto owned = [&w](std::uint64_t number) {
        return [&w, number] {
            return outcome{0, code(w.memory.owns({number}) ? errc::ok : errc::not_owned)};
        };
    };
    run("the last frame, somebody asks for the first", w, {take_these(w, {{11}, 1}), owned(8)}, all_served);
    run("the last frame, somebody asks for it", w, {take_these(w, {{11}, 1}), owned(11)}, all_served);
    // The piece for what is jumped over lies before the one that is cut.
    small turned;
    take_away(turned, {{9}, 3});
    REQUIRE(turned.memory.online({{9}, 3}) == errc::ok);
    take_away(turned, {{8}, 1});
    turned.held_at_start = 1;
    const auto first = [&turned] {
        return outcome{0, code(turned.memory.owns({9}) ? errc::ok : errc::not_owned)};
    };
    run("the last frame, somebody asks for the first, whose new piece comes before", turned,
        {take_these(turned, {{11}, 1}), first}, all_served);
}

TEST_CASE("bump: who is told of an isolation gets nothing") {
    small w;
    const auto isolate = [&w] { return outcome{0, code(w.memory.isolate(small::frames))}; };
    run("isolate, a taker", w, {isolate, take(w, 0)}, frees_succeed);
    run("isolate and tell, a taker that is told", w, {then_tell(w, isolate), if_told(w, take(w, 0))},
        [](const std::vector<outcome>& results) -> std::string {
            return results[1][held] != 0 ? "an isolated frame was handed out" : "";
        });
}

}  // namespace
