// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every register program and every way to program against simulated bridges: windows are aimed where they
// should be, misaligned targets and dead links are found, and whatever fails leaves the window closed.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/registers_amd.hpp>
#include <ashlar/remote/registers_endpoint.hpp>
#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/registers_switchtec.hpp>
#include <ashlar/remote/requesting_programmer.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "remote/aims.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;
using namespace remote_tests;

TEST_CASE("Intel gen1") {
    simulated_bridge<intel_gen1_model> bridge;
    intel_gen1_registers programmer(bridge, bridge.model().aperture);
    for (const std::uint32_t window : {0U, 1U}) aims(programmer, bridge, window, true);
    // A part of it, and the limit that opens all.
    REQUIRE(programmer.enable(0, {{0}, 0x8000}) == errc::ok);
    CHECK(bridge.look(0).bytes == 0x8000);
    CHECK(programmer.enable(0, {{0}, 2 * mib}) == errc::invalid);
    CHECK(programmer.disable(2) == errc::invalid);
    SUBCASE("a BAR at 0 cannot be closed") {
        simulated_bridge<intel_gen1_model> low(intel_gen1_model{{.first_place = 0}});
        intel_gen1_registers program(low, low.model().aperture);
        CHECK(program.disable(0) == errc::unsupported);
        CHECK(program.disable(1) == errc::ok);
    }
}
TEST_CASE("Intel gen3, gen4") {
    simulated_bridge<intel_gen3_model> third;
    intel_gen3_registers gen3(third, third.model().place(0), third.model().place(1));
    for (const std::uint32_t window : {0U, 1U}) aims(gen3, third, window, true);
    simulated_bridge<intel_gen3_model> ice(intel_gen3_model{{}, false, true, false});
    intel_gen4_registers icx(ice, ice.model().place(0), ice.model().place(1), true);
    for (const std::uint32_t window : {1U, 0U}) aims(icx, ice, window, true);
    CHECK(icx.write(0, {{0}, 0x3000}) == errc::misaligned);
    simulated_bridge<intel_gen3_model> rapids(intel_gen3_model{{}, false, false, true});
    intel_gen4_registers spr(rapids, rapids.model().place(0), rapids.model().place(1), false);
    for (const std::uint32_t window : {0U, 1U}) aims(spr, rapids, window, false);
    CHECK(spr.enabled(2).error() == errc::invalid);
}
TEST_CASE("AMD") {
    simulated_bridge<amd_model> bridge;
    amd_registers programmer(bridge, 3);
    for (const std::uint32_t window : {0U, 1U, 2U}) aims(programmer, bridge, window, false);
    CHECK(programmer.enable(0, {{0}, std::uint64_t{1} << 32}) == errc::too_large);
    // The parts with two windows lack the first.
    amd_registers two(bridge, 2);
    REQUIRE(two.enable(0, {{0}, 0x5000}) == errc::ok);
    CHECK(bridge.look(1).bytes == 0x5000);
}
TEST_CASE("Switchtec") {
    simulated_bridge<switchtec_model> bridge;
    switchtec_registers programmer(bridge, 3);
    for (const std::uint32_t window : {0U, 2U}) aims(programmer, bridge, window, true);
    // A command that is refused: the partition is reset, the window closed.
    words state;
    reaiming machine(gate(state.each), programmer, bridge, 1);
    REQUIRE(machine.begin({{0x70'0000}, mib}) == errc::ok);
    while (machine.at() != reaim_step::enable) (void)machine.step();
    bridge.model().refuse = true;
    CHECK(machine.run(1000) == errc::corrupt);
    CHECK(machine.failed_at() == reaim_step::enable);
    CHECK(!machine.uncertain());
    CHECK(!bridge.look(1).open);
    REQUIRE(machine.begin({{0x70'0000}, mib}) == errc::ok);
    CHECK(machine.run(1000) == errc::ok);
    CHECK(bridge.look(1).target == 0x70'0000);
}
TEST_CASE("IDT, direct and slices") {
    simulated_bridge<idt_direct_model> direct;
    idt_direct_registers programmer(direct, direct.model().place(0), direct.model().place(1), 5);
    for (const std::uint32_t window : {0U, 1U}) aims(programmer, direct, window, false);
    CHECK((direct.read32(0x490) & 0xe000) == 5U << 13);
    simulated_bridge<idt_slices_model> table;
    platform::atomic<std::uint32_t> port;
    idt_slice_registers<decltype(table)> slices(table, port, 2, 5);
    for (const std::uint32_t window : {0U, 11U}) {
        // The bridge keeps the low bits and does not use them: only the descriptor's rules find these.
        words state;
        reaiming machine(gate(state.each), slices, table, window);
        REQUIRE(machine.begin({{0x7'1230'0000}, mib}) == errc::ok);
        REQUIRE(machine.run(100) == errc::ok);
        CHECK(table.look(window).target == 0x7'1230'0000);
    }
    // Someone else is at the port.
    port.store(1, memory_order::relaxed);
    CHECK(slices.disable(3) == errc::busy);
    CHECK(slices.read(3).error() == errc::busy);
    port.store(0, memory_order::relaxed);
    CHECK(slices.disable(3) == errc::ok);
}

TEST_CASE("a PCI endpoint's mailbox") {
    simulated_bridge<endpoint_model> bridge;
    endpoint_registers programmer(bridge, 50);
    for (const std::uint32_t window : {0U, 3U}) aims(programmer, bridge, window, false);
    // The half beside the status is the endpoint's.
    CHECK((bridge.read32(8) >> 16) == 1);
    words state;
    reaiming machine(gate(state.each), programmer, bridge, 1);
    // The endpoint refuses: told, closed.
    REQUIRE(machine.begin({{0x10'0000}, 2 * mib}) == errc::ok);
    CHECK(machine.run(1000) == errc::corrupt);
    CHECK(machine.failed_at() == reaim_step::enable);
    CHECK(!machine.uncertain());
    // It does not answer.
    bridge.model().silent = true;
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    CHECK(machine.run(10'000) == errc::unreadable);
    CHECK(machine.uncertain());
    bridge.model().silent = false;
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    CHECK(machine.run(10'000) == errc::ok);
    CHECK(bridge.look(1).target == 0x10'0000);
}

/// A mailbox that answers after a few looks, or not.
template <class Programmer>
struct mailbox {
    Programmer* programmer = nullptr;
    unsigned delay = 2;
    bool silent = false;
    byte_range<peer> offered{{0}, std::uint64_t{1} << 48};
    std::optional<window_request> asked{};
    unsigned looks = 0;

    errc send(const window_request& request) {
        asked = request;
        looks = 0;
        return errc::ok;
    }
    result<window_reply> receive() {
        if (silent || !asked || ++looks < delay) return errc::busy;
        // One to a request that was given up comes first.
        if (looks == delay) return window_reply{asked->sequence - 1, errc::corrupt, 0};
        return serve(*programmer, *asked, {&offered, 1});
    }
};

TEST_CASE("on request: the target programs, and answers") {
    simulated_bridge<amd_model> bridge;
    amd_registers target(bridge, 3);
    mailbox<decltype(target)> box{.programmer = &target};
    requesting_programmer programmer(box, 20);
    static_assert(window_programmer<decltype(programmer)>);
    aims(programmer, bridge, 1, false);
    // No answer in time.
    words state;
    reaiming machine(gate(state.each), programmer, bridge, 2);
    box.silent = true;
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    CHECK(machine.run(10'000) == errc::unreadable);
    CHECK(machine.uncertain());
    CHECK(gate(state.each).pin().error() == errc::unreadable);
    box.silent = false;
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    CHECK(machine.run(10'000) == errc::ok);
    // What the target refuses comes back.
    CHECK(programmer.disable(9) == errc::busy);
    errc answer = errc::busy;
    while (answer == errc::busy) answer = programmer.disable(9);
    CHECK(answer == errc::invalid);
    // What the target does not offer is not shown.
    box.offered = {{0x10'0000}, 2 * mib};
    REQUIRE(machine.begin({{0x30'0000}, mib}) == errc::ok);
    CHECK(machine.run(10'000) == errc::not_covered);
    CHECK(!bridge.look(2).open);
    REQUIRE(machine.begin({{0x20'0000}, mib}) == errc::ok);
    CHECK(machine.run(10'000) == errc::ok);
    CHECK(bridge.look(2).target == 0x20'0000);
}

TEST_CASE(
    "on request: one who is not to be trusted sees what is offered, whatever the order of what he asks") {
    simulated_bridge<amd_model> bridge;
    amd_registers target(bridge, 3);
    const byte_range<peer> offered[] = {{{0x10'0000}, 4 * mib}, {{0x100'0000}, mib}};
    const auto told = [&](window_verb verb, std::uint64_t to, std::uint64_t bytes, std::uint32_t window = 1) {
        const auto reply = serve(target, {7, verb, window, {{to}, bytes}}, offered);
        REQUIRE(reply);
        CHECK(reply->sequence == 7);
        return reply->error;
    };
    CHECK(told(window_verb::write, 0, mib) == errc::not_covered);
    CHECK(told(window_verb::write, 0x10'0000, 5 * mib) == errc::not_covered);
    CHECK(told(window_verb::write, 0x10'0000, 0) == errc::not_covered);
    CHECK(told(window_verb::write, ~std::uint64_t{0} - 0xfff, mib) == errc::not_covered);
    CHECK(told(window_verb::enable, 0x10'0000, 5 * mib) == errc::not_covered);
    CHECK(told(window_verb::enable, 0x10'0000, mib) == errc::invalid);  // nothing was written
    CHECK(!bridge.look(1).open);
    // Written with a size that is offered there, opened with one that is offered elsewhere.
    CHECK(told(window_verb::write, 0x100'0000, mib) == errc::ok);
    CHECK(told(window_verb::enable, 0x10'0000, 4 * mib) == errc::invalid);
    CHECK(!bridge.look(1).open);
    CHECK(told(window_verb::enable, 0x100'0000, mib) == errc::ok);
    CHECK(bridge.look(1).target == 0x100'0000);
    // Written anew while it is open.
    CHECK(told(window_verb::write, 0x20'0000, mib) == errc::invalid);
    CHECK(bridge.look(1).target == 0x100'0000);
    CHECK(told(window_verb::read, 0, 0) == errc::ok);
    CHECK(told(window_verb::disable, 0, 0) == errc::ok);
    CHECK(told(window_verb::write, 0x20'0000, mib) == errc::ok);
    CHECK(told(window_verb::enable, 0x20'0000, mib) == errc::ok);
    CHECK(bridge.look(1).target == 0x20'0000);
    // What is no window, or no verb.
    CHECK(told(window_verb::write, 0x20'0000, mib, 9) == errc::invalid);
    CHECK(told(window_verb::enable, 0x20'0000, mib, 9) == errc::invalid);
    CHECK(told(static_cast<window_verb>(77), 0, 0) == errc::unsupported);
    bridge.drop_link();
    CHECK(told(window_verb::write, 0x20'0000, mib) == errc::revoked);
    CHECK(told(window_verb::enable, 0x20'0000, mib) == errc::revoked);
}

/// A hypervisor with one slot for each window.
struct slots {
    window_aim each[2]{};
    errc refuse = errc::ok;
    errc refuse_to_hide = errc::ok;

    errc show(std::uint32_t window, const window_aim& aim) {
        if (refuse != errc::ok) return refuse;
        each[window] = aim;
        return errc::ok;
    }
    errc hide(std::uint32_t window) {
        if (refuse_to_hide != errc::ok) return refuse_to_hide;
        each[window] = {};
        return errc::ok;
    }
    result<window_aim> shown(std::uint32_t window) { return each[window]; }
};
struct straight {
    std::uint64_t word = 0;
    errc link = errc::ok;
    unsigned reads[2]{};
    void store_fence() {}
    std::uint64_t read_back(std::uint32_t window) {
        ++reads[window];
        return word;
    }
    errc check_link() { return link; }
};

TEST_CASE("by a hypervisor, and by nobody") {
    slots hypervisor;
    straight path;
    hypervisor_programmer programmer(hypervisor);
    words state;
    reaiming machine(gate(state.each), programmer, path, 1);
    REQUIRE(machine.begin({{0x1000}, 0x3000}) == errc::ok);
    REQUIRE(machine.run(100) == errc::ok);
    CHECK(hypervisor.each[1] == window_aim{{0x1000}, 0x3000});
    // Data may be all ones: the link is asked, and is there.
    path.word = ~std::uint64_t{0};
    hypervisor.refuse = errc::exhausted;
    REQUIRE(machine.begin({{0x5000}, 0x3000}) == errc::ok);
    CHECK(machine.run(100) == errc::exhausted);
    CHECK(hypervisor.each[1] == window_aim{});
    CHECK(gate(state.each).pin().error() == errc::exhausted);

    fixed_programmer fixed({{0x1000}, 0x1000});
    words other;
    reaiming still(gate(other.each), fixed, path, 0);
    REQUIRE(still.begin({{0x1000}, 0x1000}) == errc::ok);
    CHECK(still.run(100) == errc::ok);
    REQUIRE(still.begin({{0x2000}, 0x1000}) == errc::ok);
    CHECK(still.run(100) == errc::unsupported);
    CHECK(still.failed_at() == reaim_step::write);
}

TEST_CASE("a window alone, and the gates of only some windows") {
    slots hypervisor;
    straight path;
    hypervisor_programmer programmer(hypervisor);
    gate::word state[gate::words]{};
    reaiming machine(gate(state), programmer, path, 1);
    // A list of it does as well; other windows have no gate here.
    const window_target own[] = {{1, {0x1000}}};
    const window_target others[] = {{1, {0x1000}}, {0, {0x2000}}};
    const window_target behind[] = {{2, {0x1000}}};
    CHECK(machine.begin(others, 0x1000) == errc::invalid);
    CHECK(machine.begin(behind, 0x1000) == errc::invalid);
    CHECK(machine.begin(own, 0) == errc::invalid);
    CHECK(gate(state).pin().error() == errc::not_covered);
    // What shows nothing is given up as it was: closed, and nobody's.
    REQUIRE(machine.begin(own, 0x1000) == errc::ok);
    CHECK(machine.give_up() == errc::ok);
    CHECK(gate(state).pin().error() == errc::not_covered);
    CHECK(machine.give_up() == errc::invalid);
    REQUIRE(machine.begin(own, 0x1000) == errc::ok);
    REQUIRE(machine.run(100) == errc::ok);
    CHECK(hypervisor.each[1] == window_aim{{0x1000}, 0x1000});
    CHECK(gate(state).generation() == 1);
    // The peer is gone: the window cannot be aimed, but closed.
    path.word = ~std::uint64_t{0};
    path.link = errc::revoked;
    REQUIRE(machine.begin_closing() == errc::ok);
    CHECK(machine.begin_closing() == errc::invalid);
    CHECK(machine.run(100) == errc::ok);
    CHECK(hypervisor.each[1] == window_aim{});
    CHECK(gate(state).pin().error() == errc::not_covered);
    path = {};
    // It takes too long, aimed or closed: it ends closed, and tells why.
    for (const bool closing : {false, true}) {
        REQUIRE(machine.begin({{0x3000}, 0x1000}) == errc::ok);
        REQUIRE(machine.run(100) == errc::ok);
        REQUIRE((closing ? machine.begin_closing() : machine.begin({{0x5000}, 0x1000})) == errc::ok);
        CHECK(machine.abandon(errc::unreadable, 100) == errc::unreadable);
        CHECK(machine.failed_at() == reaim_step::drain);
        CHECK(!machine.uncertain());
        CHECK(machine.abandon(errc::unreadable, 100) == errc::invalid);
        CHECK(hypervisor.each[1] == window_aim{});
        CHECK(gate(state).pin().error() == errc::unreadable);
        // Who begins and gives up changes nothing of it.
        REQUIRE(machine.begin(own, 0x1000) == errc::ok);
        CHECK(machine.give_up() == errc::ok);
        CHECK(gate(state).pin().error() == errc::unreadable);
    }
    // The hypervisor does not even hide it.
    hypervisor.refuse_to_hide = errc::corrupt;
    REQUIRE(machine.begin_closing() == errc::ok);
    CHECK(machine.run(100) == errc::corrupt);
    CHECK(machine.failed_at() == reaim_step::disable);
    CHECK(machine.uncertain());
    CHECK(gate(state).pin().error() == errc::corrupt);
}

TEST_CASE("before windows are closed there is a read through each that shows anything") {
    slots hypervisor;
    straight path;
    hypervisor_programmer programmer(hypervisor);
    gate::word state[2 * gate::words]{};
    reaiming<platform, hypervisor_programmer<slots>, straight> machine(state, programmer, path);
    const window_target second[] = {{1, {0x1000}}};
    const window_target both[] = {{0, {0x2000}}, {1, {0x3000}}};
    // Reads until a window is hidden: what comes later cannot push out what was posted.
    const auto reads_before_closing = [&](view<const window_target> targets) {
        path = {};
        REQUIRE(machine.begin(targets, 0x1000) == errc::ok);
        while (machine.at() < reaim_step::disable) REQUIRE(machine.step() == errc::ok);
        const unsigned seen = 10 * path.reads[0] + path.reads[1];
        REQUIRE(machine.run(100) == errc::ok);
        CHECK(10 * path.reads[0] + path.reads[1] == seen);
        return seen;
    };
    CHECK(reads_before_closing(second) == 0);
    CHECK(reads_before_closing(both) == 1);
    CHECK(reads_before_closing(both) == 11);
}

TEST_CASE("the windows of a bridge are what a cache asks for") {
    simulated_bridge<amd_model> bridge;
    amd_registers programmer(bridge, 3);
    using windows = bridge_windows<platform, decltype(programmer), decltype(bridge)>;
    static_assert(window_aimer<windows>);
    windows all(programmer, bridge);
    const byte_address<machine> places[] = {{bridge.model().place(0)}, {bridge.model().place(1)}};
    windows::word state[windows::words_needed(2)]{};
    const auto amd = with_aperture(presets::amd_three, mib);
    CHECK(all.attach(amd, window_kind::direct, places, 3000, state, 100) == errc::misaligned);
    CHECK(all.attach(amd, window_kind::direct, places, 0, state, 100) == errc::misaligned);
    CHECK(all.attach(amd, window_kind::direct, places, 2 * mib, state, 100) == errc::too_large);
    CHECK(all.attach(amd, window_kind::direct, places, mib, {state, 3}, 100) == errc::limit);
    CHECK(all.attach(amd, window_kind::slice, places, mib, state, 100) == errc::invalid);
    CHECK(all.attach(with_aperture(presets::intel_gen3, 2 * mib), window_kind::direct, places, mib, state,
                     9) == errc::misaligned);
    REQUIRE(all.attach(amd, window_kind::direct, places, mib, state, 100) == errc::ok);
    CHECK(all.windows() == 2);
    CHECK(all.block_bytes() == mib);
    CHECK(all.local_of(1) == places[1]);
    CHECK(all.cost_of(0) == 1000);
    CHECK(!all.is_last_in_first_out());
    REQUIRE(all.aim(1, {5 * mib}) == errc::ok);
    CHECK(bridge.look(1).target == 5 * mib);
    CHECK(all.aim(1, {5 * mib + 1}) == errc::misaligned);
    CHECK(all.aim(2, {0}) == errc::invalid);
    CHECK(all.disable(2) == errc::invalid);
    REQUIRE(all.gate(1).pin().has_value());
    CHECK(all.aim(1, {6 * mib}) == errc::busy);
    CHECK(all.gate(1).is_open());
    all.gate(1).unpin();
    CHECK(all.aim(1, {6 * mib}) == errc::ok);
    CHECK(all.disable(1) == errc::ok);
    CHECK(!bridge.look(1).open);
}

}  // namespace
