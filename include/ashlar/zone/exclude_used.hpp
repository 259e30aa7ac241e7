// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <cstdint>

namespace ashlar {

/// Excludes from a map the frames of `frames` that are not free in a source: what early boot took from `bump`
/// stays taken when the machine boots from the map (Linux memblock_free_all, the other way round). Isolate
/// the source first, so that nothing more is taken. `invalid` for an empty range; `limit` when the map is
/// full, which then excludes more than was asked, never less. O(n^2) for n free stretches; one caller at a
/// time.
///
/// ```
/// (void)early.isolate(low_memory);
/// (void)ashlar::exclude_used(map, early, low_memory);
/// ```
template <frame_source Source>
[[nodiscard]] constexpr errc exclude_used(memory_map& map, const Source& source,
                                          range<typename Source::space> frames) noexcept {
    using space = typename Source::space;
    if (frames.empty() || frames.wraps()) return errc::invalid;
    errc answer = errc::ok;
    for (frame<space> at = frames.first; at < frames.end();) {
        // The lowest free stretch that ends beyond `at`.
        range<space> next{frames.end(), 0};
        source.visit_free([&](range<space> free) noexcept {
            const range<space> rest = free.clipped_to(range<space>::between(at, frames.end()));
            if (!rest.empty() && rest.first < next.first) next = rest;
        });
        if (at < next.first) {
            const errc error = map.exclude({frame<>{at.number}, next.first.number - at.number});
            if (error != errc::ok) answer = error;
        }
        at = next.end();
    }
    return answer;
}

}  // namespace ashlar
