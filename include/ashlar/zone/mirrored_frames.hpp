// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>

namespace ashlar::detail {

// What zones a machine has; a source without zones has no mirrored memory. Any context.

template <class Machine>
[[nodiscard]] constexpr bool has_mirror(const Machine& machine) noexcept {
    if constexpr (requires { machine.has_mirror(); }) {
        [[maybe_unused]] const typename Machine::platform_type::cpu_guard guard{};
        return machine.has_mirror();
    } else {
        return false;
    }
}
/// What an unspecified preference means.
template <class Machine>
[[nodiscard]] constexpr mirror default_mirror(const Machine& machine) noexcept {
    if constexpr (requires { machine.default_mirror(); }) {
        return machine.default_mirror();
    } else {
        return mirror::unspecified;
    }
}
template <class Machine>
[[nodiscard]] constexpr bool is_mirrored(const Machine& machine, frame<typename Machine::space> f) noexcept {
    if constexpr (requires { machine.zone_of(f)->mirrored; }) {
        [[maybe_unused]] const typename Machine::platform_type::cpu_guard guard{};
        const auto* const zone = machine.zone_of(f);
        return zone != nullptr && zone->mirrored;
    } else {
        return false;
    }
}

}  // namespace ashlar::detail
