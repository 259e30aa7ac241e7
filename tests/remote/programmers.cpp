// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programmers, bridges and mailboxes that do not do what they say, or not yet.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/requesting_programmer.hpp>

#include "remote/aims.hpp"

namespace {

using namespace remote_tests;

/// Who says that all is done, and of each window that it is closed.
struct closed_programmer {
    bool shows = false;
    byte_address<peer> target{};

    errc disable(std::uint32_t) { return errc::ok; }
    errc write(std::uint32_t, const window_aim& aim) {
        target = aim.target;
        return errc::ok;
    }
    result<byte_address<peer>> read(std::uint32_t) { return target; }
    errc enable(std::uint32_t, const window_aim&) { return errc::ok; }
    result<bool> enabled(std::uint32_t) { return shows; }
};

struct near_path {
    std::uint64_t word = 0;
    errc link = errc::ok;

    void store_fence() {}
    std::uint64_t read_back(std::uint32_t) { return word; }
    errc check_link() { return link; }
};

TEST_CASE("windows of a bridge that has gates to spare") {
    closed_programmer programmer;
    programmer.shows = true;
    near_path path;
    using windows = bridge_windows<platform, closed_programmer, near_path>;
    windows all(programmer, path);
    const byte_address<machine> places[] = {{0x40'0000'0000}, {0x40'0010'0000}};
    windows::word state[windows::words_needed(4)]{};
    const auto amd = with_aperture(presets::amd_three, mib);
    CHECK(all.attach(amd, window_kind::direct, {}, mib, state, 100) == errc::invalid);
    REQUIRE(all.attach(amd, window_kind::direct, places, mib, state, 100) == errc::ok);
    const window_target second[] = {{0, {mib}}, {2, {2 * mib}}};
    CHECK(all.aim_all(second) == errc::invalid);
    CHECK(all.aim(2, {mib}) == errc::invalid);
    CHECK(all.disable(2) == errc::invalid);
    CHECK(all.gate(0).pin().error() == errc::not_covered);
    CHECK(all.aim(1, {mib}) == errc::ok);
    // Of any size that it can show, but the cache counts in powers of two.
    windows odd(programmer, path);
    auto any_size = with_aperture(presets::intel_gen3, 4 * mib);
    any_size.alignment = alignment_rule::granule;
    REQUIRE(!any_size.power_of_two_size);
    CHECK(odd.attach(any_size, window_kind::direct, places, 3 * mib, state, 9) == errc::misaligned);
    CHECK(odd.attach(any_size, window_kind::direct, places, 2 * mib, state, 9) == errc::ok);
}

TEST_CASE("a window that is not open after it was opened") {
    closed_programmer programmer;
    near_path path;
    words state;
    reaiming<platform, closed_programmer, near_path> machine(gate(state.each), programmer, path, 0);
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    CHECK(machine.run(100) == errc::corrupt);
    CHECK(machine.failed_at() == reaim_step::confirm);
    CHECK(!gate(state.each).is_open());
    CHECK(gate(state.each).pin().error() == errc::corrupt);
    CHECK(!machine.uncertain());
    // Nobody is there behind a window that shows something: no register is touched.
    programmer.shows = true;
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    REQUIRE(machine.run(100) == errc::ok);
    path = {.word = ~std::uint64_t{0}, .link = errc::revoked};
    REQUIRE(machine.begin({{0x20'0000}, mib}) == errc::ok);
    CHECK(machine.run(100) == errc::revoked);
    CHECK(machine.failed_at() == reaim_step::flush);
    CHECK(programmer.target.value == 0x10'0000);
}

/// A mailbox that is full, or gone.
struct shut_mailbox {
    errc refusal = errc::busy;

    errc send(const window_request&) { return refusal; }
    result<window_reply> receive() { return errc::busy; }
};

TEST_CASE("on request: who takes no request is given up like one who does not answer") {
    shut_mailbox box;
    requesting_programmer programmer(box, 3);
    for (int i = 0; i < 3; ++i) CHECK(programmer.disable(0) == errc::busy);
    CHECK(programmer.disable(0) == errc::unreadable);
    box.refusal = errc::revoked;
    CHECK(programmer.disable(0) == errc::revoked);
    CHECK(programmer.read(0).error() == errc::revoked);
}

/// A programmer that works at what it is asked for.
struct slow_programmer : closed_programmer {
    errc answer = errc::busy;
    errc disable(std::uint32_t) { return answer; }
};

TEST_CASE("on request: work that is not done is no answer") {
    slow_programmer target;
    const window_request asked{5, window_verb::disable, 0, {}};
    CHECK(serve(target, asked, {}).error() == errc::busy);
    target.answer = errc::ok;
    const auto reply = serve(target, asked, {});
    REQUIRE(reply);
    CHECK(reply->sequence == 5);
    CHECK(reply->error == errc::ok);
}

}  // namespace
