// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows are aimed anew while four threads store through them, with up to 64 stores posted: no word arrives
// on a page that it was not meant for. Without the pins, without the read through the window, without reading
// registers back, and with a translation that is written while the window is open, some do: in schedules that
// are written down, and the same ones are harmless with what was left out.
#include <doctest/doctest.h>

#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using gate = window_gate<>;
constexpr std::uint64_t mib = 1 << 20;
using intel = simulated_bridge<intel_gen1_model>;

/// Does not read through the window.
struct unflushed {
    intel& bridge;
    void store_fence() {}
    std::uint64_t read_back(std::uint32_t) { return 0; }
    errc check_link() { return bridge.check_link(); }
};
/// Believes what was written to a register without reading it.
struct believed {
    intel& bridge;
    std::mutex mutex{};
    std::map<std::uint64_t, std::uint64_t> written{};

    std::uint32_t read32(std::uint64_t offset) { return bridge.read32(offset); }
    std::uint64_t read64(std::uint64_t offset) {
        const std::lock_guard locked(mutex);
        const auto found = written.find(offset);
        if (found != written.end()) return found->second;
        // Bases do not change.
        return offset >= 0x48 ? written[offset] = bridge.read64(offset) : 0;
    }
    void write32(std::uint64_t offset, std::uint32_t value) { bridge.write32(offset, value); }
    void write64(std::uint64_t offset, std::uint64_t value) {
        const std::lock_guard locked(mutex);
        written[offset] = value;
        bridge.write64(offset, value);
    }
    void store_fence() {}
};

struct outcome_of_run {
    std::uint64_t stored = 0;
    std::uint64_t misplaced = 0;
    std::uint64_t aimed = 0;
};

/// Four threads use two windows and aim them anew, alone or together, until `aims` are made.
template <class Programmer, class Path>
outcome_of_run run(intel& bridge, Programmer programmer, Path& path, std::uint64_t aims) {
    gate::word words[2][gate::words]{};
    std::atomic<std::uint64_t> landed{0};
    std::atomic<std::uint64_t> misplaced{0};
    std::atomic<std::uint64_t> aimed{0};
    bridge.landed = [&](std::uint64_t at, std::uint64_t value) {
        landed.fetch_add(1, std::memory_order_relaxed);
        if (at != value) misplaced.fetch_add(1, std::memory_order_relaxed);
    };
    const auto user = [&](std::uint64_t seed) {
        random_bits random(seed);
        while (aimed.load(std::memory_order_relaxed) < aims) {
            const auto window = static_cast<std::uint32_t>(random() % 2);
            const gate here(words[window]);
            if (random() % 16 == 0) {
                Programmer own = programmer;
                const window_target both[] = {{window, {(1 + random() % 64) * mib}},
                                              {1 - window, {(1 + random() % 64) * mib}}};
                reaiming<platform, Programmer, Path> machine({words[0], 2 * gate::words}, own, path);
                if (machine.begin(both, mib) != errc::ok) {
                    std::this_thread::yield();
                    continue;
                }
                while (machine.under_way()) {
                    if (machine.step() == errc::busy) std::this_thread::yield();
                }
                aimed.fetch_add(2, std::memory_order_relaxed);
                continue;
            }
            if (random() % 4 == 0) {
                Programmer own = programmer;
                reaiming<platform, Programmer, Path> machine(here, own, path, window);
                if (machine.begin({{(1 + random() % 64) * mib}, mib}) != errc::ok) {
                    std::this_thread::yield();
                    continue;
                }
                while (machine.under_way()) {
                    if (machine.step() == errc::busy) std::this_thread::yield();
                }
                aimed.fetch_add(1, std::memory_order_relaxed);
                continue;
            }
            const auto pinned = here.pin();
            if (!pinned) {
                std::this_thread::yield();
                continue;
            }
            const window_aim aim = pinned->aim;
            for (std::uint64_t i = random() % 12; i != 0; --i) {
                const std::uint64_t offset = random() % (mib / 8) * 8;
                // Now and then somebody else's turn, so that there is a re-aiming in the midst of a use.
                if (random() % 64 == 0) std::this_thread::yield();
                bridge.store(bridge.model().place(window) + offset, aim.target.value + offset);
            }
            here.unpin();
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t i = 1; i <= 4; ++i) threads.emplace_back(user, i);
    for (std::thread& each : threads) each.join();
    // What is left in the queue, too.
    (void)bridge.load(bridge.model().place(0));
    bridge.landed = nullptr;
    return {landed, misplaced, aimed};
}

std::uint64_t many() {
    return std::getenv("ASHLAR_LONG") != nullptr ? 1'000'000 : 10'000;
}

TEST_CASE("no word on a wrong page") {
    intel bridge;
    const auto seen = run(bridge, intel_gen1_registers(bridge, mib), bridge, many());
    CHECK(seen.misplaced == 0);
    CHECK(seen.aimed >= many());
    CHECK(seen.stored > seen.aimed);
}

/// How a window is aimed: alone, or as one of a group.
enum class machine_kind { alone, in_group };

/// One schedule, without threads: a user takes a window that shows 1 MiB and stores `before` words, `after`
/// of them when whoever aims it anew at 2 MiB has made as many steps as he can without the user. Then another
/// user stores at the new place. Returns how many words arrived elsewhere.
template <class Programmer, class Path>
unsigned misplaced_by(machine_kind kind, intel& bridge, Programmer programmer, Path& path, bool pins) {
    gate::word words[2 * gate::words]{};
    const gate here(words);
    unsigned elsewhere = 0;
    bridge.landed = [&](std::uint64_t at, std::uint64_t value) { elsewhere += at == value ? 0 : 1; };
    const auto use = [&](const window_aim& aim, unsigned first, unsigned count) {
        for (unsigned i = first; i < first + count; ++i)
            bridge.store(bridge.model().place(0) + 8 * i, aim.target.value + 8 * i);
    };
    const auto aim_at = [&](std::uint64_t target, auto while_it_waits) {
        const auto finish = [&](auto& machine) {
            for (unsigned steps = 0; machine.under_way() && steps < 1000; ++steps)
                if (machine.step() == errc::busy) while_it_waits();
            REQUIRE(!machine.under_way());
        };
        if (kind == machine_kind::alone) {
            reaiming<platform, Programmer, Path> machine(here, programmer, path, 0);
            REQUIRE(machine.begin({{target}, mib}) == errc::ok);
            finish(machine);
        } else {
            const window_target both[] = {{1, {target + 8 * mib}}, {0, {target}}};
            reaiming<platform, Programmer, Path> machine(words, programmer, path);
            REQUIRE(machine.begin(both, mib) == errc::ok);
            finish(machine);
        }
    };
    aim_at(mib, [] {});
    (void)bridge.look(0);  // long ago: all of it has taken effect
    const auto pinned = here.pin();
    REQUIRE(pinned.has_value());
    if (!pins) here.unpin();
    use(pinned->aim, 0, 3);
    bool is_in = pins;
    aim_at(2 * mib, [&] {
        if (!is_in) return;
        use(pinned->aim, 3, 3);
        here.unpin();
        is_in = false;
    });
    // Who does not pin is still at it.
    if (!pins) use(pinned->aim, 3, 3);
    const auto next = here.pin();
    REQUIRE(next.has_value());
    use(next->aim, 6, 3);
    here.unpin();
    (void)bridge.load(bridge.model().place(0));
    bridge.landed = nullptr;
    return elsewhere;
}
template <class Registers, class Path>
unsigned misplaced(machine_kind kind, intel& bridge, Registers& registers, Path& path, bool pins = true) {
    return misplaced_by(kind, bridge, intel_gen1_registers(registers, mib), path, pins);
}

void schedules(machine_kind kind) {
    {
        intel bridge;
        CHECK(misplaced(kind, bridge, bridge, bridge) == 0);
    }
    // Users who do not pin: nothing to drain.
    {
        intel bridge;
        CHECK(misplaced(kind, bridge, bridge, bridge, false) == 3);
    }
    // No read through the window: posted stores arrive on the new page.
    {
        intel bridge;
        unflushed path{bridge};
        CHECK(misplaced(kind, bridge, bridge, path) == 6);
    }
    // No read of the registers: nothing that was written to one has taken effect, and the old translation is
    // still there for the new user.
    {
        intel bridge;
        believed registers{bridge};
        bridge.register_depth = 64;
        CHECK(misplaced(kind, bridge, registers, bridge) == 3);
    }
}
TEST_CASE("a schedule: with all steps no word is misplaced, without any one of them some are") {
    schedules(machine_kind::alone);
}
TEST_CASE("the same schedule for windows that are aimed together") {
    schedules(machine_kind::in_group);
}

/// A bridge of 32-bit registers, and a device that stores through the window whenever it likes: between the
/// halves of each write. Its stores may be lost, or arrive where the window shows, or showed.
using idt = simulated_bridge<idt_direct_model>;
struct always_open {
    idt_direct_registers<idt>& registers;
    bool opened = false;
    errc disable(std::uint32_t) { return errc::ok; }
    errc write(std::uint32_t window, const window_aim& aim) { return registers.write(window, aim); }
    result<byte_address<peer>> read(std::uint32_t window) { return registers.read(window); }
    errc enable(std::uint32_t window, const window_aim& aim) {
        return opened ? errc::ok : (opened = true, registers.enable(window, aim));
    }
    result<bool> enabled(std::uint32_t window) { return registers.enabled(window); }
};

template <class Programmer>
unsigned strays(idt& bridge, Programmer& programmer) {
    const window_aim aims[] = {{{0x1'0010'0000}, mib}, {{0x2'0020'0000}, mib}, {{0x3'0040'0000}, mib}};
    unsigned elsewhere = 0;
    unsigned arrived = 0;
    bridge.register_depth = 0;
    bridge.landed = [&](std::uint64_t at, std::uint64_t) {
        ++arrived;
        bool shown = false;
        for (const window_aim& each : aims) {
            shown = shown || byte_range<peer>{each.target, each.bytes}.contains(byte_address<peer>{at});
        }
        if (!shown) ++elsewhere;
    };
    bridge.between_halves = [&] {
        bridge.store(bridge.model().place(0) + 64, 1);
        bridge.go_on();
    };
    gate::word words[gate::words]{};
    reaiming<platform, Programmer, idt> machine(gate(words), programmer, bridge, 0);
    for (unsigned i = 0; i < 30; ++i) {
        REQUIRE(machine.begin(aims[i % 3]) == errc::ok);
        REQUIRE(machine.run(100) == errc::ok);
    }
    bridge.between_halves = nullptr;
    CHECK(arrived > 0);
    return elsewhere;
}

TEST_CASE("halves of a translation are written while the window is disabled") {
    idt bridge;
    idt_direct_registers registers(bridge, bridge.model().place(0), bridge.model().place(1), 1);
    CHECK(strays(bridge, registers) == 0);
}
TEST_CASE("halves that are written while it is open send stores elsewhere") {
    idt bridge;
    idt_direct_registers registers(bridge, bridge.model().place(0), bridge.model().place(1), 1);
    always_open programmer{registers};
    CHECK(strays(bridge, programmer) > 0);
}

}  // namespace
