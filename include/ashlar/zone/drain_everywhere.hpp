// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ashlar::detail {

/// Free frames that per-CPU layers of a source hold back, at any depth.
template <class Source>
[[nodiscard]] constexpr std::uint64_t frames_in_slots(const Source& source) noexcept {
    std::uint64_t held = 0;
    if constexpr (requires { source.held_frames(); }) held += source.held_frames();
    if constexpr (requires { source.inner(); }) held += frames_in_slots(source.inner());
    return held;
}

/// Every CPU gives back what its slots hold of any zone, through the platform's `on_each_cpu`. False, and
/// nobody is disturbed, if there is nothing. No guard held.
template <class Slots>
bool drain_everywhere(Slots& zones) noexcept {
    using platform_type = typename Slots::platform_type;
    std::uint64_t held = 0;
    {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        for (const auto& span : zones.active()) held += frames_in_slots(zones[span.zone]);
    }
    if (held == 0) return false;
    platform_type::on_each_cpu([&zones]() noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        for (const auto& span : zones.active()) zones[span.zone].drain();
    });
    return true;
}

}  // namespace ashlar::detail
