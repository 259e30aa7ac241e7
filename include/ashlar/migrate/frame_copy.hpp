// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A copy engine: `copy(from, to)` copies the bytes of one frame to another that nobody uses, and returns
/// when they are there. `unreadable` for a memory error in `from`, else the engine's own error; what is in
/// `to` then means nothing. The processor (`cpu_frame_copy`), stores past the cache, a DMA engine.
template <class Copy, class Space>
concept frame_copier = requires(Copy copy, frame<Space> from, frame<Space> to) {
    { copy(from, to) } -> std::same_as<errc>;
};

/// Copies by the processor, through the caches. The platform may offer `copy_frame(from, to) -> errc` of its
/// own (one that survives a memory error, Linux copy_mc); else the bytes are copied plainly. Any context.
template <class Platform>
struct cpu_frame_copy {
    static_assert(frame_access<Platform>,
                  "cpu_frame_copy<Platform>: the platform must offer frame_access (bytes_of, frame_bytes)");
    using space = typename Platform::space;

    errc operator()(frame<space> from, frame<space> to) const noexcept {
        if constexpr (requires { Platform::copy_frame(from, to); }) {
            return Platform::copy_frame(from, to);
        } else {
            void* const into = Platform::bytes_of(to);
            __builtin_memcpy(into, Platform::bytes_of(from), static_cast<std::size_t>(Platform::frame_bytes));
            return errc::ok;
        }
    }
};

}  // namespace ashlar
