// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/block_rules.hpp>
#include <ashlar/remote/check_descriptor.hpp>
#include <ashlar/remote/window_descriptor.hpp>
#include <ashlar/remote/window_rule.hpp>
#include <cstdint>

namespace ashlar {

/// Why a window cannot show a block, and what it can show instead.
struct explanation {
    /// The first rule that is broken; `kept` if none is.
    window_rule rule = window_rule::kept;
    /// The block itself if no rule is broken. Else the smallest block that a window can show which has all
    /// bytes of it; if there is none, the one with its first byte that ends last; else empty.
    byte_range<peer> nearest{};

    [[nodiscard]] constexpr bool legal() const noexcept { return rule == window_rule::kept; }
    /// Why, in a sentence.
    [[nodiscard]] constexpr const char* sentence() const noexcept { return to_string(rule); }
};

/// Whether a window of the bridge can show exactly these bytes of a peer; the largest window of the kind is
/// meant. Pure; O(1). Any context; constexpr.
///
/// ```
/// constexpr auto why = ashlar::explain(ashlar::presets::amd_two, {{0x1000'0800}, 0x1000});
/// static_assert(why.rule == ashlar::window_rule::aligned_to_granule);
/// static_assert(why.nearest == ashlar::byte_range<ashlar::peer>{{0x1000'0000}, 0x2000});
/// ```
[[nodiscard]] constexpr explanation explain(const window_descriptor& descriptor, byte_range<peer> wanted,
                                            window_kind kind = window_kind::direct) noexcept {
    if (check(descriptor) != descriptor_defect::none) return {window_rule::sound_descriptor, {}};
    if (wanted.empty() || wanted.wraps()) return {window_rule::not_empty, {}};
    const std::uint64_t most = detail::largest_window(descriptor, kind);
    if (most == 0) return {window_rule::window_of_the_kind, {}};
    const detail::block_rules rules(descriptor, kind, most);
    const window_rule broken = rules.broken_by(wanted);
    if (broken == window_rule::kept) return {broken, wanted};
    byte_range<peer> nearest = rules.smallest(wanted.first.value, wanted.last().value);
    if (nearest.empty()) nearest = rules.furthest(wanted.first.value);
    if (nearest.empty() && broken == window_rule::fixed_target) {
        nearest = {descriptor.fixed_target, descriptor.aperture};
    }
    return {broken, nearest};
}

}  // namespace ashlar
