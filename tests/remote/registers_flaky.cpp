// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One register is not answered, whichever it is: all ones, and then the bridge is there again. What was read
// so is never written back: after one more re-aiming all registers are those of a bridge that always
// answered.
#include <doctest/doctest.h>

#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/registers_amd.hpp>
#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/registers_switchtec.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <cstdint>

#include "remote/aims.hpp"

namespace {

using namespace remote_tests;

template <class Model>
struct flaky {
    simulated_bridge<Model> bridge;
    std::uint64_t fails_at = 0;  ///< this read; 0: none
    std::uint64_t reads = 0;

    std::uint32_t read32(std::uint64_t offset) {
        return ++reads == fails_at ? ~std::uint32_t{0} : bridge.read32(offset);
    }
    std::uint64_t read64(std::uint64_t offset) {
        return ++reads == fails_at ? ~std::uint64_t{0} : bridge.read64(offset);
    }
    void write32(std::uint64_t offset, std::uint32_t value) { bridge.write32(offset, value); }
    void write64(std::uint64_t offset, std::uint64_t value) { bridge.write64(offset, value); }
    void write16(std::uint64_t offset, std::uint16_t value) { bridge.write16(offset, value); }
    void store_fence() {}
};

/// A window is aimed three times, the second time with one read unanswered. False when all were answered.
template <class Model, class Make>
bool aims_with_failure(Make make, std::uint32_t window, std::uint64_t fails_at, flaky<Model>& with) {
    auto programmer = make(with);
    words state;
    const gate here(state.each);
    reaiming machine(here, programmer, with.bridge, window);
    const std::uint64_t bytes = with.bridge.model().aperture;
    const window_aim aims[] = {{{0x7'1230'0000}, bytes}, {{0x12'8000'0000}, bytes}, {{0xf00'0000}, bytes}};
    bool has_failed = false;
    for (const window_aim& aim : aims) {
        with.reads = 0;
        with.fails_at = &aim == &aims[1] ? fails_at : 0;
        REQUIRE(machine.begin(aim) == errc::ok);
        const errc answer = machine.run(1000);
        has_failed = has_failed || (with.fails_at != 0 && with.reads >= with.fails_at);
        const simulated_window now = with.bridge.look(window);
        if (answer == errc::ok) {
            CHECK(now.open);
            CHECK(now.target == aim.target.value);
            CHECK(now.bytes == aim.bytes);
            CHECK(here.is_open());
        } else {
            CHECK(with.fails_at != 0);
            CHECK((answer == errc::revoked || answer == errc::corrupt));
            CHECK(here.pin().error() == answer);
            CHECK((!now.open || machine.uncertain()));
        }
    }
    return has_failed;
}

template <class Model, class Make>
void whichever_fails(Make make, const Model& model = {}) {
    for (std::uint32_t window = 0; window < 2; ++window) {
        flaky<Model> sound{simulated_bridge<Model>(model)};
        CHECK_FALSE(aims_with_failure(make, window, 0, sound));
        std::uint64_t fails_at = 1;
        for (bool failed = true; failed; ++fails_at) {
            flaky<Model> one{simulated_bridge<Model>(model)};
            failed = aims_with_failure(make, window, fails_at, one);
            std::uint64_t others = 0;
            for (std::uint64_t offset = 0; offset < 0x4800; offset += 4)
                others += one.bridge.read32(offset) != sound.bridge.read32(offset) ? 1 : 0;
            CAPTURE(fails_at);
            CHECK(others == 0);
        }
        CHECK(fails_at > 4);
    }
}

TEST_CASE("a register that is not answered once leaves nothing behind: Intel") {
    whichever_fails<intel_gen1_model>(
        [](auto& r) { return intel_gen1_registers(r, r.bridge.model().aperture); });
    whichever_fails<intel_gen3_model>([](auto& r) {
        return intel_gen3_registers(r, r.bridge.model().place(0), r.bridge.model().place(1));
    });
    whichever_fails<intel_gen3_model>(
        [](auto& r) {
            return intel_gen4_registers(r, r.bridge.model().place(0), r.bridge.model().place(1), true);
        },
        {{}, false, true, false});
}
TEST_CASE("a register that is not answered once leaves nothing behind: AMD, Switchtec, IDT") {
    whichever_fails<amd_model>([](auto& r) { return amd_registers(r, 3); });
    whichever_fails<switchtec_model>([](auto& r) { return switchtec_registers(r, 3); });
    whichever_fails<idt_direct_model>([](auto& r) {
        return idt_direct_registers(r, r.bridge.model().place(0), r.bridge.model().place(1), 5);
    });
}

TEST_CASE(
    "Switchtec: a change by itself, one read of it unanswered: the next one finds the partition in order") {
    for (std::uint64_t fails_at = 1;; ++fails_at) {
        flaky<switchtec_model> with;
        switchtec_registers programmer(with, 3);
        const window_aim aim{{5 * with.bridge.model().aperture}, with.bridge.model().aperture};
        const auto complete = [](auto verb) {
            errc answer = errc::busy;
            for (int i = 0; i < 100 && answer == errc::busy; ++i) answer = verb();
            return answer;
        };
        REQUIRE(complete([&] { return programmer.write(0, aim); }) == errc::ok);
        with.reads = 0;
        with.fails_at = fails_at;
        const errc answer = complete([&] { return programmer.enable(0, aim); });
        if (with.reads < fails_at) break;
        CHECK(answer == errc::revoked);
        with.fails_at = 0;
        CHECK(complete([&] { return programmer.enable(0, aim); }) == errc::ok);
        CHECK(with.bridge.look(0).open);
        CHECK(!with.bridge.model().was_hurried);
    }
}

}  // namespace
