// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each register program refuses before it touches a register, and what it says where nobody answers.
#include <doctest/doctest.h>

#include <ashlar/remote/registers_amd.hpp>
#include <ashlar/remote/registers_endpoint.hpp>
#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/registers_plx.hpp>
#include <ashlar/remote/registers_switchtec.hpp>
#include <ashlar/testing/bridge_models.hpp>
#include <ashlar/testing/plx_models.hpp>
#include <ashlar/testing/simulated_bridge.hpp>

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr std::uint64_t mib = 1 << 20;

/// It has `windows` windows: no verb touches a register for any other one, nor opens one that shows nothing.
template <class Programmer, class Bridge>
void refuses(Programmer& programmer, Bridge& bridge, std::uint32_t windows, errc without_bytes,
             errc off_by_one) {
    const window_aim aim{{5 * bridge.model().aperture}, bridge.model().aperture};
    const std::uint64_t writes = bridge.register_writes;
    const std::uint64_t reads = bridge.register_reads;
    for (const std::uint32_t window : {windows, windows + 1, 0x8000'0000U, ~std::uint32_t{0}}) {
        CAPTURE(window);
        CHECK(programmer.disable(window) == errc::invalid);
        CHECK(programmer.write(window, aim) == errc::invalid);
        CHECK(programmer.read(window).error() == errc::invalid);
        CHECK(programmer.enable(window, aim) == errc::invalid);
        CHECK(programmer.enabled(window).error() == errc::invalid);
    }
    CHECK(bridge.register_reads == reads);
    if (without_bytes != errc::ok) CHECK(programmer.enable(0, {aim.target, 0}) == without_bytes);
    if (off_by_one != errc::ok) CHECK(programmer.write(0, {{aim.target.value + 1}, aim.bytes}) == off_by_one);
    CHECK(bridge.register_writes == writes);
    // All ones is no translation, and no open window.
    bridge.drop_link();
    CHECK(programmer.read(0).error() == errc::revoked);
    if constexpr (requires { programmer.begin_group(); })
        CHECK(programmer.enabled(0).error() == errc::revoked);
    bridge.restore_link(true);
}

TEST_CASE("Intel") {
    simulated_bridge<intel_gen1_model> first;
    intel_gen1_registers gen1(first, first.model().aperture);
    refuses(gen1, first, 2, errc::invalid, errc::ok);
    CHECK(gen1.enable(0, {{0}, first.model().aperture + 1}) == errc::invalid);
    simulated_bridge<intel_gen3_model> third;
    intel_gen3_registers gen3(third, third.model().place(0), third.model().place(1));
    refuses(gen3, third, 2, errc::invalid, errc::ok);
    for (const bool has_index : {true, false}) {
        simulated_bridge<intel_gen3_model> fourth(intel_gen3_model{{}, false, has_index, false});
        intel_gen4_registers gen4(fourth, fourth.model().place(0), fourth.model().place(1), has_index);
        refuses(gen4, fourth, 2, errc::invalid, errc::ok);
    }
}

TEST_CASE("AMD") {
    for (const std::uint32_t windows : {2U, 3U}) {
        simulated_bridge<amd_model> bridge;
        amd_registers programmer(bridge, windows);
        refuses(programmer, bridge, windows, errc::invalid, errc::ok);
    }
}

TEST_CASE("IDT") {
    simulated_bridge<idt_direct_model> direct;
    idt_direct_registers windows(direct, direct.model().place(0), direct.model().place(1), 5);
    refuses(windows, direct, 2, errc::invalid, errc::ok);
    simulated_bridge<idt_slices_model> table;
    platform::atomic<std::uint32_t> port;
    idt_slice_registers<decltype(table)> slices(table, port, 2, 5);
    refuses(slices, table, 32, errc::ok, errc::ok);
}

TEST_CASE("PLX") {
    simulated_bridge<plx_model> bridge;
    plx_registers wide(bridge, {}, true);
    CHECK(wide.enable(0, {{mib + 1}, mib}) == errc::misaligned);
    refuses(wide, bridge, 2, errc::misaligned, errc::misaligned);
    simulated_bridge<plx_slices_model> table;
    plx_slice_registers slices(table, {}, false);
    refuses(slices, table, 256, errc::ok, errc::ok);
}

TEST_CASE("Switchtec") {
    simulated_bridge<switchtec_model> bridge;
    switchtec_registers direct(bridge, 3);
    refuses(direct, bridge, 3, errc::misaligned, errc::misaligned);
    CHECK(direct.write(0, {{0x3000}, 0x3000}) == errc::misaligned);  // no power of two
    CHECK(direct.enable(0, {{0x3000}, 0x3000}) == errc::misaligned);
    simulated_bridge<switchtec_slices_model> table;
    switchtec_slice_registers slices(table, 3, 1);
    CHECK(slices.enable(0, {{mib + 1}, mib}) == errc::misaligned);
    refuses(slices, table, 511, errc::ok, errc::misaligned);
    // One change at a time.
    CHECK(direct.disable(0) == errc::busy);
    CHECK(direct.disable(1) == errc::busy);
    CHECK(direct.begin_group() == errc::busy);
    const auto complete = [](auto verb) {
        errc answer = errc::busy;
        for (int i = 0; i < 100 && answer == errc::busy; ++i) answer = verb();
        return answer;
    };
    CHECK(complete([&] { return direct.disable(0); }) == errc::ok);
    // The link goes at any step of a change: what it had of the partition is given up, and the next one
    // succeeds.
    const window_aim aim{{5 * bridge.model().aperture}, bridge.model().aperture};
    REQUIRE(complete([&] { return direct.write(0, aim); }) == errc::ok);
    for (int at = 0; at < 12; ++at) {
        errc answer = errc::busy;
        for (int i = 0; i < at && answer == errc::busy; ++i) answer = direct.enable(0, aim);
        bridge.drop_link();
        if (answer == errc::busy) CHECK(complete([&] { return direct.enable(0, aim); }) == errc::revoked);
        bridge.restore_link(true);
        CHECK(complete([&] { return direct.enable(0, aim); }) == errc::ok);
        CHECK(bridge.look(0).open);
        CHECK(complete([&] { return direct.disable(0); }) == errc::ok);
        CHECK(!bridge.look(0).open);
        REQUIRE(complete([&] { return direct.write(0, aim); }) == errc::ok);
    }
    CHECK(!bridge.model().was_hurried);
}

TEST_CASE("PCI endpoint") {
    simulated_bridge<endpoint_model> bridge;
    endpoint_registers programmer(bridge, 50);
    refuses(programmer, bridge, 32, errc::invalid, errc::ok);
    // Nothing is written while the endpoint is at a command.
    const window_aim aim{{mib}, mib};
    CHECK(programmer.enable(1, aim) == errc::busy);
    CHECK(programmer.write(2, {{3 * mib}, mib}) == errc::busy);
    errc done = errc::busy;
    for (int i = 0; i < 100 && done == errc::busy; ++i) done = programmer.enable(1, aim);
    CHECK(done == errc::ok);
    CHECK(bridge.look(1).target == mib);
}

}  // namespace
