// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/remote/reaiming.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <cstdint>

// What every program of registers is put through.
namespace remote_tests {

using namespace ashlar;
using namespace ashlar::testing;

using gate = window_gate<>;
inline constexpr std::uint64_t mib = 1 << 20;

struct words {
    gate::word each[gate::words]{};
};

/// Aims window `window`, and uses it: what is stored there arrives.
template <class Programmer, class Bridge>
void aims(Programmer& programmer, Bridge& bridge, std::uint32_t window, bool misaligned_is_found) {
    const std::uint64_t bytes = bridge.model().aperture;
    words state;
    const gate here(state.each);
    CHECK(here.pin().error() == errc::not_covered);
    reaiming<platform, Programmer, Bridge> machine(here, programmer, bridge, window);
    CHECK(machine.step() == errc::invalid);
    CHECK(machine.begin({{0}, 0}) == errc::invalid);
    std::uint32_t generation = 0;
    const std::uint64_t targets[] = {0x7'1230'0000, 0x12'8000'0000, 0x0f00'0000};
    for (const std::uint64_t target : targets) {
        const window_aim aim{{target}, bytes};
        REQUIRE(machine.begin(aim) == errc::ok);
        CHECK(machine.begin(aim) == errc::invalid);
        CHECK(here.claim() == errc::busy);
        REQUIRE(machine.run(1000) == errc::ok);
        CHECK(bridge.look(window).open);
        CHECK(bridge.look(window).target == target);
        CHECK(bridge.look(window).bytes == bytes);
        const auto pinned = here.pin();
        REQUIRE(pinned.has_value());
        CHECK(pinned->aim == aim);
        CHECK(pinned->generation == ++generation);
        const std::uint64_t local = bridge.model().place(window);
        bridge.store(local + 0x1238, target);
        CHECK(bridge.load(local + 0x1238) == target);
        CHECK(bridge.peer_word(target + 0x1238) == target);
        // A pin holds it.
        REQUIRE(machine.begin({{0x40'0000'0000}, bytes}) == errc::ok);
        CHECK(machine.run(10) == errc::busy);
        CHECK(machine.at() == reaim_step::drain);
        CHECK(here.pin().error() == errc::busy);
        CHECK(bridge.look(window).target == target);
        CHECK(machine.give_up() == errc::ok);
        CHECK(here.is_open());
        here.unpin();
    }
    // A page in the midst of a block.
    REQUIRE(machine.begin({{0x7'1230'1000}, bytes}) == errc::ok);
    const errc answer = machine.run(1000);
    if (misaligned_is_found) {
        CHECK((answer == errc::corrupt || answer == errc::misaligned));
        CHECK(!bridge.look(window).open);
        CHECK(here.pin().error() == answer);
        CHECK(!machine.uncertain());
    } else {
        CHECK(answer == errc::ok);
    }
    REQUIRE(machine.begin({{0x30'0000}, bytes}) == errc::ok);
    REQUIRE(machine.run(1000) == errc::ok);
    REQUIRE(machine.begin_closing() == errc::ok);
    REQUIRE(machine.run(1000) == errc::ok);
    CHECK(!bridge.look(window).open);
    CHECK(here.pin().error() == errc::not_covered);
    CHECK(bridge.load(bridge.model().place(window)) == ~std::uint64_t{0});

    // The link goes at any step: told, closed, never open for users.
    for (unsigned at = 0; at < 24; ++at) {
        bridge.restore_link(true);
        REQUIRE(machine.begin({{0x30'0000}, bytes}) == errc::ok);
        REQUIRE(machine.run(1000) == errc::ok);
        REQUIRE(machine.begin({{0x50'0000}, bytes}) == errc::ok);
        for (unsigned i = 0; i < at && machine.under_way(); ++i) (void)machine.step();
        const bool ended = !machine.under_way();
        bridge.drop_link();
        const errc lost = machine.run(1000);
        CHECK(!machine.under_way());
        if (!ended && machine.failed_at() != reaim_step::idle) {
            CHECK(lost == errc::revoked);
            CHECK(here.pin().error() == errc::revoked);
            CHECK(machine.uncertain());
        }
        bridge.restore_link(true);
    }
    // Another peer: all ones are not needed for that to be found.
    REQUIRE(machine.begin({{0x50'0000}, bytes}) == errc::ok);
    bridge.restore_link(false);
    CHECK(machine.run(1000) == errc::revoked);
    CHECK(!machine.uncertain());
    CHECK(!bridge.look(window).open);
    bridge.restore_link(true);
}

}  // namespace remote_tests
