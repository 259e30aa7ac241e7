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
#include <vector>

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

/// Of which each 32 bits are where they are.
struct numbered_registers {
    std::uint32_t read32(std::uint64_t offset) { return static_cast<std::uint32_t>(offset); }
    std::uint64_t read64(std::uint64_t offset) { return offset; }
    void write32(std::uint64_t, std::uint32_t) {}
    void write64(std::uint64_t, std::uint64_t) {}
    void store_fence() {}
};

/// Registers that are all 0, whatever is written.
struct dead_registers {
    std::uint64_t writes = 0;
    std::uint32_t read32(std::uint64_t) { return 0; }
    std::uint64_t read64(std::uint64_t) { return 0; }
    void write32(std::uint64_t, std::uint32_t) { ++writes; }
    void write64(std::uint64_t, std::uint64_t) { ++writes; }
    void store_fence() {}
};
static_assert(register_access<dead_registers>);

TEST_CASE("PLX: windows of 32 bits lie side by side") {
    dead_registers none;
    plx_registers narrow(none, {}, false);
    CHECK(narrow.disable(1) == errc::ok);
    CHECK(none.writes == 1);  // the next register is the next window's
    CHECK(narrow.write(1, {{0x10'0000}, mib}) == errc::ok);
    CHECK(none.writes == 2);
    CHECK(narrow.read(1)->value == 0);
    numbered_registers all;
    CHECK((plx_registers(all, {}, false).read(1)->value >> 32) == 0);
    CHECK((plx_registers(all, {}, true).read(1)->value >> 32) != 0);
    // The lower half keeps nothing of what closes it: that the upper one is as it should be is not enough.
    plx_registers wide(none, {}, true);
    CHECK(wide.disable(1) == errc::corrupt);
}

TEST_CASE("Intel: what has no index is not told one, and a group without a change reads nothing") {
    dead_registers none;
    intel_gen4_registers plain(none, 0x40'0000'0000, 0x41'0000'0000, false);
    CHECK(plain.write(0, {{0x10'0000}, mib}) == errc::ok);
    CHECK(none.writes == 1);
    simulated_bridge<plx_model> bridge;
    plx_registers wide(bridge, {}, true);
    const std::uint64_t reads = bridge.register_reads;
    REQUIRE(wide.begin_group() == errc::ok);
    CHECK(wide.end_group() == errc::ok);
    CHECK(bridge.register_reads == reads);
}

/// Registers of which one does not answer.
struct half_gone {
    std::uint64_t gone = ~std::uint64_t{0};
    std::vector<std::uint64_t> asked{};

    std::uint32_t read32(std::uint64_t offset) { return static_cast<std::uint32_t>(read64(offset)); }
    std::uint64_t read64(std::uint64_t offset) {
        asked.push_back(offset);
        return offset == gone ? ~std::uint64_t{0} : 0x40'0000'0000;
    }
    void write32(std::uint64_t, std::uint32_t) {}
    void write64(std::uint64_t, std::uint64_t) {}
    void store_fence() {}
};

TEST_CASE("Intel: whether a window is open is told by all of its registers, or not at all") {
    half_gone registers;
    intel_gen1_registers first(registers, 2 * mib);
    intel_gen3_registers third(registers, 0x40'0000'0000, 0x41'0000'0000);
    REQUIRE(first.enabled(1).has_value());
    const std::vector<std::uint64_t> of_first = registers.asked;
    registers.asked.clear();
    REQUIRE(third.enabled(1).has_value());
    const std::vector<std::uint64_t> of_third = registers.asked;
    CHECK(of_first.size() == 2);
    for (const std::uint64_t each : of_first) {
        registers.gone = each;
        CHECK(first.enabled(1).error() == errc::revoked);
    }
    for (const std::uint64_t each : of_third) {
        registers.gone = each;
        CHECK(third.enabled(1).error() == errc::revoked);
    }
}

TEST_CASE("IDT: slices that are closed and opened together are read back together") {
    simulated_bridge<idt_slices_model> table;
    platform::atomic<std::uint32_t> port;
    idt_slice_registers<decltype(table)> slices(table, port, 2, 5);
    const window_aim aim{{5 * table.model().aperture}, table.model().aperture};
    REQUIRE(slices.begin_group() == errc::ok);
    const std::uint64_t reads = table.register_reads;
    for (const std::uint32_t window : {0U, 1U, 2U}) {
        CHECK(slices.disable(window) == errc::ok);
        CHECK(slices.write(window, aim) == errc::ok);
        CHECK(slices.enable(window, aim) == errc::ok);
    }
    CHECK(table.register_reads == reads);
    REQUIRE(slices.end_group() == errc::ok);
    for (const std::uint32_t window : {0U, 1U, 2U}) CHECK(table.look(window).open);
}

TEST_CASE("Switchtec: a change that is under way is not driven by another one") {
    simulated_bridge<switchtec_model> bridge;
    switchtec_registers direct(bridge, 3);
    CHECK(direct.write(0, {{0}, 3 * mib}) == errc::misaligned);
    CHECK(direct.enable(0, {{0}, 3 * mib}) == errc::misaligned);
    REQUIRE(direct.disable(0) == errc::busy);
    const std::uint64_t writes = bridge.register_writes;
    const std::uint64_t reads = bridge.register_reads;
    for (int i = 0; i < 100; ++i) {
        CHECK(direct.disable(1) == errc::busy);
        CHECK(direct.begin_group() == errc::busy);
    }
    CHECK(bridge.register_writes == writes);
    CHECK(bridge.register_reads == reads);
}

TEST_CASE("Switchtec: what is smaller than a page of it, and tables without an entry") {
    simulated_bridge<switchtec_model> bridge;
    switchtec_registers direct(bridge, 3);
    for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{2048}}) {
        CHECK(direct.write(0, {{0x10'0000}, bytes}) == errc::misaligned);
        CHECK(direct.enable(0, {{0x10'0000}, bytes}) == errc::misaligned);
    }
    switchtec_slice_registers slices(bridge, 3, 1);
    CHECK(slices.set_up(6, 512) == errc::invalid);
    CHECK(slices.set_up(4, 0) == errc::invalid);
    CHECK(slices.set_up(4, 513) == errc::invalid);
    CHECK(bridge.register_writes == 0);
}

}  // namespace
