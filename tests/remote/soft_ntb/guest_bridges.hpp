// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote.hpp>
#include <cstdint>

#include "guest_machine.hpp"

/// The two bridges as the guest drives them: register programs over mapped registers, re-aiming, a cache.
namespace soft_ntb {

using namespace ashlar;

template <std::uint32_t Count>
struct window_places {
    byte_address<machine> at[Count]{};

    constexpr explicit window_places(const bridge_place& bridge) {
        for (std::uint32_t i = 0; i < Count; ++i) at[i].value = bridge.windows + i * bridge.aperture;
    }
};

/// Windows of one bridge or the other: a `remote_space` has caches of one type for all its servers.
template <class First, class Second>
struct either_windows {
    First* first = nullptr;
    Second* second = nullptr;

    [[nodiscard]] constexpr auto of(auto what) const {
        return first != nullptr ? what(*first) : what(*second);
    }
    [[nodiscard]] constexpr std::uint32_t windows() const {
        return of([](const auto& one) { return one.windows(); });
    }
    [[nodiscard]] constexpr std::uint64_t block_bytes() const {
        return of([](const auto& one) { return one.block_bytes(); });
    }
    [[nodiscard]] constexpr byte_address<machine> local_of(std::uint32_t window) const {
        return of([&](const auto& one) { return one.local_of(window); });
    }
    [[nodiscard]] constexpr std::uint64_t cost_of(std::uint32_t window) const {
        return of([&](const auto& one) { return one.cost_of(window); });
    }
    constexpr errc aim(std::uint32_t window, byte_address<peer> block) {
        return of([&](auto& one) { return one.aim(window, block); });
    }
    constexpr errc disable(std::uint32_t window) {
        return of([&](auto& one) { return one.disable(window); });
    }
};

/// B, by Intel gen3. Who B is, its scratchpads say.
struct intel_bridge {
    using programmer_type = intel_gen3_registers<mapped_registers>;
    using scratchpads_type = scratchpad_words<mapped_registers>;
    struct path_type {
        intel_bridge* bridge;
        static void store_fence() { mapped_registers::store_fence(); }
        [[nodiscard]] std::uint64_t read_back(std::uint32_t window) const {
            return load64(bridge->places.at[window].value);
        }
        [[nodiscard]] errc check_link() const { return bridge->check_link(); }
    };
    using windows_type = bridge_windows<platform, programmer_type, path_type>;

    window_places<2> places{b};
    mapped_registers registers{b.registers};
    programmer_type programmer{registers, b.windows, b.windows + b.aperture};
    path_type path{this};
    windows_type windows{programmer, path};
    windows_type::word gates[windows_type::words_needed(2)]{};
    scratchpads_type scratchpads{registers, b_scratchpads, own_scratchpads};
    std::uint32_t epoch = 0;  ///< of A, for B
    hello heard{};
    link_guard<>::word link_words[link_guard<>::words]{};
    link_guard<> link{link_words};
    std::uint32_t handle = 0;
    void attach() {
        must(windows.attach(with_aperture(presets::intel_gen3, b.aperture), window_kind::direct, places.at,
                            b.aperture, gates, 1000),
             "two windows of an Intel gen3");
    }
    /// Until both sides have heard each other, and the link is up: `revoked` if it went meanwhile.
    errc shake_hands() {
        // What B's former start left in the scratchpads speaks to the epoch before.
        const hello own{.epoch = ++epoch, .offered = {{own_at}, ram_bytes - own_at}};
        hand_shake<scratchpads_type> with(scratchpads, own);
        errc answer = errc::busy;
        while (answer == errc::busy) answer = with.step();
        if (answer != errc::ok) return answer;
        heard = with.peer_hello();
        link.lower();
        const result<std::uint32_t> raised = link.raise(heard.epoch);
        must(raised.has_value(), "the link of B is raised");
        handle = *raised;
        return errc::ok;
    }
    /// The epoch that B's hello has now: of another start it is another.
    [[nodiscard]] errc check_link() const {
        return registers.read32(own_scratchpads + 4) == heard.epoch ? errc::ok : errc::revoked;
    }
};

/// C, by Switchtec: two windows for a cache, and one that stays on C's first block, where its canary is.
struct switchtec_bridge {
    using programmer_type = switchtec_registers<mapped_registers>;
    struct path_type {
        switchtec_bridge* bridge;
        static void store_fence() { mapped_registers::store_fence(); }
        [[nodiscard]] std::uint64_t read_back(std::uint32_t window) const {
            return load64(bridge->places.at[window].value);
        }
        [[nodiscard]] errc check_link() const { return bridge->check_link(); }
    };
    using windows_type = bridge_windows<platform, programmer_type, path_type>;
    static constexpr std::uint32_t canary_window = 2;

    static constexpr window_descriptor three_windows = [] {
        window_descriptor made = with_aperture(presets::switchtec, c.aperture);
        made.windows = 3;
        made.slices = 0;
        return made;
    }();
    static_assert(check(three_windows) == descriptor_defect::none);

    window_places<3> places{c};
    mapped_registers registers{c.registers};
    programmer_type programmer{registers, c_partition};
    path_type path{this};
    windows_type windows{programmer, path};
    windows_type::word gates[windows_type::words_needed(3)]{};
    link_guard<>::word link_words[link_guard<>::words]{};
    link_guard<> link{link_words};
    std::uint32_t handle = 0;
    std::uint32_t epoch = 0;  ///< of C's start
    void attach() {
        // Aimed by hand, before anybody can say that C is there.
        window_gate<> gate(gates + windows_type::gate_type::words * canary_window);
        struct trusting {
            static void store_fence() { mapped_registers::store_fence(); }
            static std::uint64_t read_back(std::uint32_t) { return 0; }
            static errc check_link() { return errc::ok; }
        } unchecked;
        reaiming<platform, programmer_type, trusting> aim(gate, programmer, unchecked, canary_window);
        must(aim.begin({{c.peer_first}, c.aperture}), "the canary's window is aimed");
        must(aim.run(1000), "and shows C's first block");
        must(raise(), "C is there");
        must(windows.attach(three_windows, window_kind::direct, {places.at, 2}, c.aperture, gates, 1000),
             "two windows of a Switchtec");
    }
    [[nodiscard]] std::uint64_t canary() const { return load64(places.at[canary_window].value); }
    /// Believes whoever is there now.
    errc raise() {
        const std::uint64_t found = canary();
        epoch = static_cast<std::uint32_t>(found >> 32);
        if (!is_epoch(epoch) || found != canary_of(epoch)) return errc::revoked;
        link.lower();
        const result<std::uint32_t> raised = link.raise(epoch);
        if (raised) handle = *raised;
        return raised.error();
    }
    [[nodiscard]] errc check_link() const { return link.check(handle, canary()); }
};

inline constinit intel_bridge to_b;
inline constinit switchtec_bridge to_c;

using aimer_type = either_windows<intel_bridge::windows_type, switchtec_bridge::windows_type>;
using cache_type = window_cache<aimer_type>;

/// A cache over two windows.
struct cached {
    aimer_type aimer{};
    cache_type cache{};
    alignas(64) cache_type::word words[cache_type::metadata_words(2)]{};

    void attach(aimer_type over) {
        aimer = over;
        must(cache.attach(aimer, words), "a cache over two windows");
    }
};
inline constinit cached in_b;
inline constinit cached in_c;

/// Both bridges and their caches, and both servers are there.
inline void attach_both() {
    to_b.attach();
    must(to_b.shake_hands(), "A and B shake hands");
    in_b.attach({&to_b.windows, nullptr});
    to_c.attach();
    in_c.attach({nullptr, &to_c.windows});
}

}  // namespace soft_ntb
