// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <type_traits>
#include <utility>

namespace ashlar {

/// True for a layer that reads or writes the bytes of frames (`scrubbed`: it says so by a member
/// `touches_frames`) and for every layer around one, found through `inner()`. Any context.
///
/// What makes frames untouchable while they are free (`poisoned`) or before they are first used (`accepted`)
/// has to lie inside of what touches them, and asks this of its source.
template <class Source>
[[nodiscard]] consteval bool touches_frames() noexcept {
    if constexpr (requires { Source::touches_frames; }) {
        return Source::touches_frames;
    } else if constexpr (requires(Source & source) { source.inner(); }) {
        return ashlar::touches_frames<std::remove_cvref_t<decltype(std::declval<Source&>().inner())>>();
    } else {
        return false;
    }
}

}  // namespace ashlar
