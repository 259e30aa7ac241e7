// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "guest_bridges.hpp"

/// Register programs, step by step, and what the windows do then.
namespace soft_ntb {

/// What takes several calls.
template <class Call>
errc until_done(Call what) {
    errc answer = errc::busy;
    for (unsigned i = 0; i < 1000 && answer == errc::busy; ++i) answer = what();
    return answer;
}

/// A window that is opened by hand for a quarter of its BAR, and closed. Answers how often it was accessed
/// while it was closed, or behind its limit.
template <class Programmer>
std::uint64_t drive_window(Programmer& programmer, std::uint32_t window, const bridge_place& bridge) {
    const std::uint64_t place = bridge.windows + window * bridge.aperture;
    const std::uint64_t size = bridge.aperture / 4;
    const window_aim aim{{bridge.peer_first + 2 * bridge.aperture}, size};
    const std::uint64_t seed = told().seed;
    must(load64(place) == ~std::uint64_t{0}, "a closed window answers all ones");
    store64(place, 1);
    must(until_done([&] { return programmer.disable(window); }), "it is disabled");
    must(until_done([&] { return programmer.write(window, aim); }), "its translation is written");
    const auto has = programmer.read(window);
    must(has && *has == aim.target, "the translation is there");
    must(load64(place) == ~std::uint64_t{0}, "a translation alone opens nothing");
    const auto closed = programmer.enabled(window);
    must(closed && !*closed, "and it says so");
    must(until_done([&] { return programmer.enable(window, aim); }), "it is enabled");
    const auto open = programmer.enabled(window);
    must(open && *open, "and it says so");
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8}, page + 16, size - 8}) {
        const std::uint64_t found = load64(place + offset);
        must(found == content(seed, 1, aim.target.value + offset), "the peer's word is there");
        store64(place + offset, answer_to(found));
    }
    must(load64(place + size) == ~std::uint64_t{0}, "behind its limit is nothing");
    must(until_done([&] { return programmer.disable(window); }), "it is disabled again");
    must(load64(place) == ~std::uint64_t{0}, "and shows nothing");
    store64(place + 8, 2);
    return 6;
}

inline void registers_scenario() {
    std::uint64_t closed = drive_window(to_b.programmer, 1, b);
    must(to_b.programmer.disable(2) == errc::invalid, "there are two windows");
    closed += drive_window(to_c.programmer, 1, c);
    must(to_c.programmer.disable(3) == errc::invalid, "there are three windows");

    // A translation that Intel's bridge cannot have loses its low bits, and the re-aiming sees it.
    to_b.attach();
    must(to_b.shake_hands(), "A and B shake hands");
    must(to_b.windows.aim(0, {b.peer_first + page}) == errc::misaligned, "the descriptor tells it before");
    reaiming<platform, intel_bridge::programmer_type, intel_bridge::path_type> aim(
        to_b.windows.gate(0), to_b.programmer, to_b.path, 0);
    must(aim.begin({{b.peer_first + page}, b.aperture}), "it is tried all the same");
    must(aim.run(1000) == errc::corrupt && aim.failed_at() == reaim_step::verify, "and seen");
    must(load64(b.windows) == ~std::uint64_t{0}, "the window is closed then");
    must(to_b.windows.gate(0).pin().error() == errc::corrupt, "and says why");
    must(to_b.windows.aim(0, {b.peer_first}), "it can be aimed well");
    must(to_b.windows.gate(0).pin().has_value() &&
             load64(b.windows + 8) == content(told().seed, 1, b.peer_first + 8),
         "and shows it");
    // Switchtec's is refused before anything is written.
    const window_aim odd{{c.peer_first + page}, c.aperture};
    must(until_done([&] { return to_c.programmer.write(0, odd); }) == errc::misaligned,
         "no such translation");
    told().told[0] = closed + 1;
}

}  // namespace soft_ntb
