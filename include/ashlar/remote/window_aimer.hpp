// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// A window, and the start of the block that it is to show.
struct window_target {
    std::uint32_t window = 0;
    byte_address<peer> block{};

    [[nodiscard]] friend constexpr bool operator==(const window_target&,
                                                   const window_target&) noexcept = default;
};

/// What a window cache needs to know of windows, whoever programs their translation: windows of one size, all
/// to the same peer.
///
/// - `windows()`: how many there are.
/// - `block_bytes()`: the size of each, and the alignment of what it is aimed at; a power of two.
/// - `local_of(window)`: where its first byte is accessed from here.
/// - `cost_of(window)`: nanoseconds, about, that aiming it takes.
/// - `aim(window, block)`: accesses to the window arrive at that block of the peer from here on. Never called
///   while a pin of the window is left, and never twice at once. Whoever implements it drains the stores that
///   are under way, fences, and reads back. After an error the window leads nowhere.
/// - `disable(window)`: the window leads nowhere. Called under the same rules.
/// - If it is there, `aim_all(targets)`: several windows at once, all or none (`group_aimer`).
/// - If it is there, `is_last_in_first_out()`: a window can only be aimed or disabled while those of higher
///   numbers are disabled, and is aimed in ascending order (decoders of CXL).
template <class A>
concept window_aimer = requires(A& aimer, const A& constant, std::uint32_t window, byte_address<peer> block) {
    { constant.windows() } -> std::convertible_to<std::uint32_t>;
    { constant.block_bytes() } -> std::convertible_to<std::uint64_t>;
    { constant.local_of(window) } -> std::same_as<byte_address<machine>>;
    { constant.cost_of(window) } -> std::convertible_to<std::uint64_t>;
    { aimer.aim(window, block) } -> std::same_as<errc>;
    { aimer.disable(window) } -> std::same_as<errc>;
};

/// Windows that can be aimed together, where that costs less than one after the other: `aim_all(targets)`, no
/// window twice, under the rules of `aim`; after an error none of them leads anywhere.
template <class A>
concept group_aimer = window_aimer<A> && requires(A& aimer, view<const window_target> targets) {
    { aimer.aim_all(targets) } -> std::same_as<errc>;
};

namespace detail {

/// Whether windows have to be taken back from the last one on.
template <class A>
[[nodiscard]] constexpr bool is_last_in_first_out(const A& aimer) noexcept {
    if constexpr (requires {
                      { aimer.is_last_in_first_out() } -> std::convertible_to<bool>;
                  }) {
        return aimer.is_last_in_first_out();
    } else {
        return false;
    }
}

}  // namespace detail
}  // namespace ashlar
