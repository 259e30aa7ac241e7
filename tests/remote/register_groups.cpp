// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PLX bridges and slices of Switchtecs; windows that are aimed together: all or none, and with how many
// accesses to registers. Bridges that nobody aims.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/registers_amd.hpp>
#include <ashlar/remote/registers_endpoint.hpp>
#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/registers_plx.hpp>
#include <ashlar/remote/registers_switchtec.hpp>
#include <ashlar/testing/plx_models.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <vector>

#include "remote/aims.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;
using namespace remote_tests;

TEST_CASE("PLX, back to back") {
    for (const bool wide : {true, false}) {
        plx_model model;
        model.wide = wide;
        simulated_bridge<plx_model> bridge(model);
        plx_registers programmer(bridge, {}, wide);
        static_assert(grouping_programmer<decltype(programmer)>);
        if (wide) {
            for (const std::uint32_t window : {0U, 1U}) aims(programmer, bridge, window, true);
        }
        CHECK(programmer.write(0, {{3 * mib}, 2 * mib}) == errc::misaligned);
        CHECK(programmer.write(0, {{mib / 2}, mib / 2}) == errc::misaligned);
        CHECK(programmer.enable(0, {{0}, 3 * mib}) == errc::misaligned);
        CHECK(programmer.write(0, {{0x1'0000'0000}, mib}) == (wide ? errc::ok : errc::not_covered));
        CHECK(programmer.disable(4) == errc::invalid);
        CHECK(programmer.disable(3) == (wide ? errc::invalid : errc::ok));
        REQUIRE(programmer.disable(1) == errc::ok);
        REQUIRE(programmer.write(1, {{0x5000'0000}, mib}) == errc::ok);
        CHECK(!bridge.look(1).open);
        REQUIRE(programmer.enable(1, {{0x5000'0000}, mib}) == errc::ok);
        CHECK(bridge.look(1).open);
        CHECK(bridge.look(1).target == 0x5000'0000);
        CHECK(programmer.read(1)->value == 0x5000'0000);
        CHECK(*programmer.enabled(1));
        bridge.drop_link();
        CHECK(programmer.enabled(1).error() == errc::revoked);
        CHECK(programmer.read(1).error() == errc::revoked);
        CHECK(programmer.disable(1) == errc::revoked);
    }
    // Function 1 and the link's side have other registers.
    static_assert(plx_function{}.own() == 0x3e000 && plx_function{}.peer() == 0x3f000);
    static_assert(plx_function{1, true}.own() == 0x3d000 && plx_function{1, true}.peer() == 0x3c000);
}

TEST_CASE("PLX, slices of its look-up table") {
    for (const bool is_shared : {true, false}) {
        plx_slices_model model;
        model.is_shared = is_shared;
        simulated_bridge<plx_slices_model> bridge(model);
        plx_slice_registers programmer(bridge, {}, is_shared);
        CHECK(programmer.windows() == (is_shared ? 128 : 256));
        CHECK(!bridge.look(0).open);
        REQUIRE(programmer.set_up() == errc::ok);
        for (std::uint32_t i = 0; i < plx_slices_model::windows; ++i) CHECK(!bridge.look(i).open);
        aims(programmer, bridge, 0, false);
        const std::uint32_t last = programmer.windows() - 1;
        REQUIRE(programmer.write(last, {{0x12'3450'0000}, mib}) == errc::ok);
        REQUIRE(programmer.enable(last, {{0x12'3450'0000}, mib}) == errc::ok);
        CHECK(bridge.look(31).open);
        CHECK(bridge.look(31).target == 0x12'3450'0000);
        CHECK(programmer.disable(last + 1) == errc::invalid);
        CHECK(programmer.disable(last) == errc::ok);
        CHECK(!bridge.look(31).open);
    }
}

TEST_CASE("Switchtec, slices") {
    simulated_bridge<switchtec_slices_model> bridge;
    switchtec_slice_registers programmer(bridge, 3, 1);
    const auto complete = [](auto verb) {
        errc answer = errc::busy;
        for (int i = 0; i < 100 && answer == errc::busy; ++i) answer = verb();
        return answer;
    };
    CHECK(programmer.set_up(6, 16) == errc::invalid);
    CHECK(programmer.set_up(0, 513) == errc::invalid);
    REQUIRE(complete([&] { return programmer.set_up(0, 32); }) == errc::ok);
    for (const std::uint32_t window : {0U, 15U}) aims(programmer, bridge, window, true);
    CHECK(programmer.disable(511) == errc::invalid);
    // A group that does not end holds nobody up once it is abandoned.
    REQUIRE(complete([&] { return programmer.begin_group(); }) == errc::ok);
    CHECK(programmer.disable(3) == errc::ok);
    programmer.abandon_group();
    CHECK(programmer.disable(3) == errc::busy);
}

/// Windows of a bridge, of its aperture each, and what was written to and read from registers for them.
template <class Programmer, class Bridge>
struct group_of_windows {
    using windows_type = bridge_windows<platform, Programmer, Bridge>;
    Bridge& bridge;
    std::vector<byte_address<machine>> places{};
    std::vector<typename windows_type::word> words;
    windows_type all;

    group_of_windows(Programmer& programmer, Bridge& over, const window_descriptor& descriptor,
                     std::uint32_t count, window_kind kind)
        : bridge(over), words(windows_type::words_needed(count)), all(programmer, over) {
        for (std::uint32_t i = 0; i < count; ++i) places.push_back({bridge.model().place(i)});
        REQUIRE(all.attach(descriptor, kind, {places.data(), places.size()}, bridge.model().aperture,
                           {words.data(), words.size()}, 2000) == errc::ok);
    }
    [[nodiscard]] std::vector<window_target> targets(std::uint64_t first) const {
        std::vector<window_target> wanted;
        for (std::uint32_t i = 0; i < places.size(); ++i)
            wanted.push_back({i, {(first + 3 * i) * bridge.model().aperture}});
        return wanted;
    }
    void shows(const std::vector<window_target>& wanted) {
        for (const window_target& each : wanted) {
            CHECK(bridge.look(each.window).open);
            CHECK(bridge.look(each.window).target == each.block.value);
            const auto pinned = all.gate(each.window).pin();
            REQUIRE(pinned.has_value());
            CHECK(pinned->aim.target == each.block);
            bridge.store(places[each.window].value + 16, each.block.value);
            all.gate(each.window).unpin();
        }
        for (const window_target& each : wanted) {
            CHECK(bridge.load(places[each.window].value + 16) == each.block.value);
            CHECK(bridge.peer_word(each.block.value + 16) == each.block.value);
        }
    }
};

/// Aims all windows, one by one and together, and all the ways in which that fails.
template <class Programmer, class Bridge>
void together(const char* name, Programmer& programmer, Bridge& bridge, const window_descriptor& descriptor,
              std::uint32_t count, window_kind kind = window_kind::direct) {
    group_of_windows<Programmer, Bridge> group(programmer, bridge, descriptor, count, kind);
    auto& all = group.all;
    const auto measured = [&](auto aim) {
        bridge.register_reads = bridge.register_writes = 0;
        aim();
        return std::pair{double(bridge.register_reads) / count, double(bridge.register_writes) / count};
    };
    const auto one_by_one = group.targets(40);
    REQUIRE(all.aim_all({one_by_one.data(), one_by_one.size()}) == errc::ok);
    group.shows(one_by_one);
    // The registers of a window that is aimed alone.
    const auto first = group.targets(5);
    const auto alone = measured([&] {
        for (const window_target& each : first) {
            reaiming<platform, Programmer, Bridge> machine(all.gate(each.window), programmer, bridge,
                                                           each.window);
            REQUIRE(machine.begin({each.block, bridge.model().aperture}) == errc::ok);
            REQUIRE(machine.run(10'000) == errc::ok);
        }
    });
    group.shows(first);
    const auto second = group.targets(1);
    const auto joint = measured([&] { REQUIRE(all.aim_all({second.data(), second.size()}) == errc::ok); });
    group.shows(second);
    std::printf(
        "%-24s %3u windows, register reads and writes a window: alone %5.2f %5.2f, together %5.2f %5.2f\n",
        name, count, alone.first, alone.second, joint.first, joint.second);
    if (grouping_programmer<Programmer> && count > 1) CHECK(joint.first < alone.first);
    CHECK(joint.second <= alone.second);

    // A window twice, one that is not there, a block that cannot be shown: nothing is done.
    const auto third = group.targets(9);
    auto wrong = third;
    wrong.back() = third.front();
    if (count > 1) CHECK(all.aim_all({wrong.data(), wrong.size()}) == errc::busy);
    wrong.back() = {count, {0}};
    CHECK(all.aim_all({wrong.data(), wrong.size()}) == errc::invalid);
    wrong = third;
    wrong.back().block.value += 1;
    CHECK(all.aim_all({wrong.data(), wrong.size()}) == errc::misaligned);
    CHECK(all.aim_all({third.data(), 0}) == errc::invalid);
    group.shows(second);
    // The last one is pinned, or somebody else aims it: all are as they were.
    REQUIRE(all.gate(count - 1).pin().has_value());
    CHECK(all.aim_all({third.data(), third.size()}) == errc::busy);
    all.gate(count - 1).unpin();
    REQUIRE(all.gate(count - 1).claim() == errc::ok);
    CHECK(all.aim_all({third.data(), third.size()}) == errc::busy);
    all.gate(count - 1).reopen();
    group.shows(second);
    // Another peer: found, and all are closed.
    bridge.restore_link(false);
    CHECK(all.aim_all({third.data(), third.size()}) == errc::revoked);
    for (std::uint32_t i = 0; i < count; ++i) {
        CHECK(!bridge.look(i).open);
        CHECK(all.gate(i).pin().error() == errc::revoked);
    }
    bridge.restore_link(true);
    REQUIRE(all.aim_all({third.data(), third.size()}) == errc::ok);
    group.shows(third);
    // The link goes at any step of the group: told, all gates closed, and all can be aimed again.
    using machine_type = reaiming<platform, Programmer, Bridge>;
    for (unsigned at = 0;; ++at) {
        REQUIRE(all.aim_all({second.data(), second.size()}) == errc::ok);
        machine_type machine({group.words.data(), group.words.size()}, programmer, bridge);
        REQUIRE(machine.begin({third.data(), third.size()}, bridge.model().aperture) == errc::ok);
        CHECK(machine.begin({third.data(), third.size()}, bridge.model().aperture) == errc::invalid);
        for (unsigned i = 0; i < at && machine.under_way(); ++i) (void)machine.step();
        if (!machine.under_way()) break;
        const bool had_published = machine.at() == reaim_step::publish;
        bridge.drop_link();
        const errc lost = machine.run(10'000);
        CHECK(!machine.under_way());
        CHECK(lost == (had_published ? errc::ok : errc::revoked));
        for (std::uint32_t i = 0; i < count; ++i) {
            CHECK(all.gate(i).is_open() == had_published);
            if (!had_published) CHECK(all.gate(i).pin().error() == errc::revoked);
        }
        if (!had_published) CHECK(machine.uncertain());
        bridge.restore_link(true);
    }
    // It takes too long, at any step: all gates are closed, whatever the bridge has by then, and all can be
    // aimed again.
    bool is_done = false;
    for (unsigned at = 0; !is_done; ++at) {
        for (const std::uint32_t attempts : {0U, 1U, 10'000U}) {
            REQUIRE(all.aim_all({second.data(), second.size()}) == errc::ok);
            machine_type machine({group.words.data(), group.words.size()}, programmer, bridge);
            REQUIRE(machine.begin({third.data(), third.size()}, bridge.model().aperture) == errc::ok);
            for (unsigned i = 0; i < at && machine.under_way(); ++i) (void)machine.step();
            is_done = !machine.under_way();
            if (is_done) break;
            CHECK(machine.abandon(errc::unreadable, attempts) == errc::unreadable);
            CHECK(!machine.under_way());
            CHECK(machine.uncertain() == (attempts < 10));
            for (std::uint32_t i = 0; i < count; ++i) {
                CHECK((machine.uncertain() || !bridge.look(i).open));
                CHECK(all.gate(i).pin().error() == errc::unreadable);
            }
        }
    }
    REQUIRE(all.aim_all({second.data(), second.size()}) == errc::ok);
    group.shows(second);
    for (std::uint32_t i = 0; i < count; ++i) CHECK(all.disable(i) == errc::ok);
}

TEST_CASE("windows that are aimed together") {
    {
        simulated_bridge<intel_gen1_model> bridge;
        intel_gen1_registers programmer(bridge, bridge.model().aperture);
        together("Intel gen1", programmer, bridge, with_aperture(presets::intel_gen1, mib), 2);
    }
    {
        simulated_bridge<intel_gen3_model> bridge;
        intel_gen3_registers programmer(bridge, bridge.model().place(0), bridge.model().place(1));
        together("Intel gen3", programmer, bridge, with_aperture(presets::intel_gen3, mib), 2);
    }
    {
        simulated_bridge<intel_gen3_model> bridge(intel_gen3_model{{}, false, true, false});
        intel_gen4_registers programmer(bridge, bridge.model().place(0), bridge.model().place(1), true);
        together("Intel gen4", programmer, bridge, with_aperture(presets::intel_gen4, mib), 2);
    }
    {
        simulated_bridge<amd_model> bridge;
        amd_registers programmer(bridge, 3);
        together("AMD", programmer, bridge, with_aperture(presets::amd_three, mib), 3);
    }
    {
        simulated_bridge<idt_direct_model> bridge;
        idt_direct_registers programmer(bridge, bridge.model().place(0), bridge.model().place(1), 5);
        together("IDT, direct", programmer, bridge, with_aperture(presets::idt_direct, mib), 2);
    }
    {
        simulated_bridge<idt_slices_model> bridge;
        platform::atomic<std::uint32_t> port;
        idt_slice_registers<decltype(bridge)> programmer(bridge, port, 2, 5);
        together("IDT, slices", programmer, bridge, with_aperture(presets::idt_lut12, 16 * mib), 12,
                 window_kind::slice);
    }
    {
        simulated_bridge<plx_model> bridge;
        plx_registers programmer(bridge, {}, true);
        together("PLX, back to back", programmer, bridge, with_aperture(presets::plx_back_to_back, mib), 2);
    }
    {
        simulated_bridge<plx_slices_model> bridge;
        plx_slice_registers programmer(bridge, {}, false);
        REQUIRE(programmer.set_up() == errc::ok);
        together("PLX, slices", programmer, bridge, with_aperture(presets::plx_alut256, 256 * mib), 16,
                 window_kind::slice);
    }
    {
        simulated_bridge<endpoint_model> bridge;
        endpoint_registers programmer(bridge, 50);
        static_assert(!grouping_programmer<decltype(programmer)>);
        together("PCI endpoint", programmer, bridge, with_aperture(presets::endpoint, mib), 4);
    }
}

TEST_CASE("Switchtec: many windows, four commands") {
    simulated_bridge<switchtec_slices_model> bridge;
    switchtec_slice_registers programmer(bridge, 3, 1);
    for (int i = 0; i < 100 && programmer.set_up(0, 32) == errc::busy; ++i) {
    }
    together("Switchtec, slices", programmer, bridge, presets::switchtec, 16, window_kind::slice);
    group_of_windows group(programmer, bridge, presets::switchtec, 16, window_kind::slice);
    const auto targets = group.targets(7);
    const auto commands_of = [&](view<const window_target> wanted) {
        bridge.model().commands = 0;
        REQUIRE(group.all.aim_all(wanted) == errc::ok);
        return bridge.model().commands;
    };
    CHECK(commands_of({targets.data(), 1}) == 4);
    CHECK(commands_of({targets.data(), targets.size()}) == 4);
    group.shows(targets);
    // A configuration that fails: none of them is shown, and all can be aimed again.
    bridge.model().refuse = true;
    CHECK(group.all.aim_all({targets.data(), targets.size()}) == errc::corrupt);
    for (std::uint32_t i = 0; i < 16; ++i) {
        CHECK(!bridge.look(i).open);
        CHECK(group.all.gate(i).pin().error() == errc::corrupt);
    }
    CHECK(group.all.aim_all({targets.data(), targets.size()}) == errc::ok);
    group.shows(targets);
    CHECK(!bridge.model().was_hurried);
    // No end to a command: it is given up in bounded time, all gates closed.
    bridge.model().polls = 1'000'000'000;
    CHECK(group.all.aim_all({targets.data(), targets.size()}) == errc::unreadable);
    for (std::uint32_t i = 0; i < 16; ++i) CHECK(group.all.gate(i).pin().error() == errc::unreadable);
    bridge.model().polls = 3;
    bridge.restore_link(true);
    CHECK(group.all.aim_all({targets.data(), targets.size()}) == errc::ok);
    group.shows(targets);

    simulated_bridge<switchtec_model> other;
    switchtec_registers direct(other, 3);
    together(
        "Switchtec, direct", direct, other,
        [] {
            window_descriptor d = with_aperture(presets::switchtec, mib);
            d.slices = 0;
            d.windows = 3;
            return d;
        }(),
        3);
}

TEST_CASE("bridges that nobody aims: as they were set up, or not at all") {
    simulated_bridge<amd_model> bridge;
    amd_registers programmer(bridge, 3);
    bridge_windows<platform, decltype(programmer), decltype(bridge)> all(programmer, bridge);
    const byte_address<machine> places[] = {{bridge.model().place(0)}};
    decltype(all)::word words[decltype(all)::words_needed(1)]{};
    for (const window_descriptor* each : presets::all) {
        CAPTURE(each->name);
        const bool is_aimed = each != &presets::ivshmem && each != &presets::cxl_hdm;
        CHECK(each->has_target == is_aimed);
        const auto kind = each->windows != 0 ? window_kind::direct : window_kind::slice;
        const errc answer = all.attach(*each, kind, places, detail::largest_window(*each, kind), words, 9);
        CHECK((answer == errc::unsupported) == !is_aimed);
        CHECK(window_as_set_up(*each, {0x1000}).has_value() == (each == &presets::ivshmem));
    }
    CHECK(window_as_set_up(presets::cxl_hdm, {0}).error() == errc::unsupported);
    CHECK(window_as_set_up(with_aperture(presets::ivshmem, 3), {0}).error() == errc::invalid);
    constexpr auto shared = *window_as_set_up(with_aperture(presets::ivshmem, 1 << 20), {0xfe00'0000});
    static_assert(shared == window{{0xfe00'0000}, {0}, 1 << 20});
    identity_window<> whole(shared.shown(), shared.local);
    CHECK(whole.pin({0xf'fff8}, 8).local()->value == 0xfe0f'fff8);
    CHECK(whole.pin({0x10'0000}, 8).error() == errc::not_covered);
}

TEST_CASE("a bridge that is aimed was not set up once and for all, even if its target was told") {
    window_descriptor found = presets::amd_three;
    found.authority = window_authority::fixed;
    REQUIRE(found.has_target);
    REQUIRE(check(found) == descriptor_defect::none);
    CHECK(window_as_set_up(found, {0x40'0000'0000}).error() == errc::unsupported);
    found.has_target = false;
    CHECK(window_as_set_up(found, {0x40'0000'0000}));
}

}  // namespace
