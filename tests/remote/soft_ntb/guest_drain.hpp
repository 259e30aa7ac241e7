// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "guest_bridges.hpp"

/// Windows that are aimed anew while other CPUs store through them.
namespace soft_ntb {

using intel_reaiming = reaiming<platform, intel_bridge::programmer_type, intel_bridge::path_type>;

inline constinit flag ready;
inline constinit flag go_on;
inline constinit flag over;

/// What is stored: the address in B's memory, and who stored it.
inline std::uint64_t mark_of(std::uint64_t at, std::uint64_t cpu) {
    return at | (cpu + 1) << 56;
}

inline void aim_at_random() {
    to_b.attach();
    must(to_b.shake_hands(), "A and B shake hands");
    ready.raise();
    numbers random{told().seed};
    for (std::uint64_t i = 0; i < told().count; ++i) {
        const auto window = static_cast<std::uint32_t>(random() % 2);
        const std::uint64_t target = b.peer_first + random() % (b.peer_bytes / b.aperture) * b.aperture;
        intel_reaiming aim(to_b.windows.gate(window), to_b.programmer, to_b.path, window);
        must(aim.begin({{target}, b.aperture}), "a window is aimed anew");
        errc last = errc::busy;
        while (aim.under_way()) {
            last = aim.step();
            if (last == errc::busy) asm volatile("pause");
        }
        must(last, "and shows it");
    }
    over.raise();
}

inline void store_at_random(std::uint64_t cpu) {
    ready.wait();
    numbers random{told().seed ^ cpu << 32};
    std::uint64_t stored = 0;
    while (over.now() == 0) {
        const auto window = static_cast<std::uint32_t>(random() % 2);
        const window_gate<> gate = to_b.windows.gate(window);
        const auto pin = gate.pin();
        if (!pin) {
            must(pin.error() == errc::busy || pin.error() == errc::not_covered, "the window is being aimed");
            asm volatile("pause");
            continue;
        }
        for (std::uint64_t i = random() % 8; i != 0; --i) {
            const std::uint64_t offset = random() % (b.aperture / 8) * 8;
            const std::uint64_t at = pin->aim.target.value + offset;
            store64(to_b.places.at[window].value + offset, mark_of(at, cpu));
            const std::uint64_t found = load64(to_b.places.at[window].value + offset);
            must((found << 8 >> 8) == at, "the word is where it was stored");
            ++stored;
        }
        gate.unpin();
    }
    told().told[cpu] = stored;
}

inline void drain_scenario(std::uint64_t cpu) {
    cpu == 0 ? aim_at_random() : store_at_random(cpu);
}

/// One user who takes his time. Bit 0 of the variant: the one who aims anew waits for him, as `reaiming`
/// does; else he looks at a gate that nobody uses. Bit 1: the user stores when the window shows something
/// else; else when it is closed.
inline constinit window_gate<>::word unused_gate[window_gate<>::words]{};

inline void late_aim() {
    const bool waits = (told().variant & 1) != 0;
    const bool until_open = (told().variant & 2) != 0;
    to_b.attach();
    must(to_b.shake_hands(), "A and B shake hands");
    must(to_b.windows.aim(0, {b.peer_first}), "a window shows B's first block");
    ready.raise();
    go_on.wait(1);
    intel_reaiming aim(waits ? to_b.windows.gate(0) : window_gate<>(unused_gate), to_b.programmer, to_b.path,
                       0);
    must(aim.begin({{b.peer_first + b.aperture}, b.aperture}), "it is to show another one");
    for (unsigned i = 0; i < 100 && aim.under_way(); ++i) {
        if (!until_open && aim.at() == reaim_step::enable) break;
        (void)aim.step();
    }
    told().told[0] = static_cast<std::uint64_t>(aim.at());
    go_on.raise(2);
    over.wait();
    while (aim.under_way()) (void)aim.step();
    must(load64(b.windows) != ~std::uint64_t{0}, "the window shows something in the end");
}
inline void late_store() {
    ready.wait();
    const window_gate<> gate = to_b.windows.gate(0);
    const auto pin = gate.pin();
    must(pin.has_value(), "the window is open");
    go_on.raise(1);
    go_on.wait(2);
    for (std::uint64_t i = 0; i < told().count; ++i) {
        const std::uint64_t offset = page + i * 8;
        store64(b.windows + offset, mark_of(pin->aim.target.value + offset, 1));
    }
    gate.unpin();
    over.raise();
}
inline void late_user_scenario(std::uint64_t cpu) {
    cpu == 0 ? late_aim() : late_store();
}

}  // namespace soft_ntb
