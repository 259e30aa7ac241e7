// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Which bytes of a frame: `count` of them from `offset` on.
struct frame_part {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;

    [[nodiscard]] friend constexpr bool operator==(frame_part, frame_part) noexcept = default;
};

/// How far a copy went: `done` bytes from the part's first on are there. Fewer than asked for say why:
/// `unreadable` (the next byte cannot be read), `busy` (an engine is at it: ask again for what is left), or
/// the engine's own error.
struct copy_result {
    std::uint64_t done = 0;
    errc error = errc::ok;

    [[nodiscard]] friend constexpr bool operator==(copy_result, copy_result) noexcept = default;
};

/// A copy engine that copies a part of a frame and can say where the source could not be read:
/// `copy(from, to, part)`, the same part of both. The processor (`cpu_part_copy`), stores that pass the cache
/// (`streaming_copy`), a DMA engine (`dma_copy`). What it has copied is visible to whoever learns of it.
/// An engine that says `busy` says it finitely often for one part, and has a `cancel()`, which returns when
/// it writes no more: a move may be given up.
template <class C>
concept part_copier = requires(C copy, frame<machine> from, frame<machine> to, frame_part part) {
    { copy(from, to, part) } -> std::same_as<copy_result>;
};

/// Copies by the processor, through the caches. The platform may offer `copy_part(from, to, part) ->
/// copy_result` of its own, one that survives a memory error (Linux copy_mc_to_kernel); else the bytes are
/// copied plainly, and a memory error is the machine's to handle. Any context.
template <class Platform>
struct cpu_part_copy {
    static_assert(frame_access<Platform>,
                  "cpu_part_copy<Platform>: the platform must offer frame_access (bytes_of, frame_bytes)");

    copy_result operator()(frame<machine> from, frame<machine> to, frame_part part) const noexcept {
        if constexpr (requires { Platform::copy_part(from, to, part); }) {
            return Platform::copy_part(from, to, part);
        } else {
            const auto at = static_cast<std::size_t>(part.offset);
            void* const into = Platform::bytes_of(to);
            void* const out_of = Platform::bytes_of(from);
            __builtin_memcpy(static_cast<std::byte*>(into) + at, static_cast<const std::byte*>(out_of) + at,
                             static_cast<std::size_t>(part.count));
            return {part.count, errc::ok};
        }
    }
};

}  // namespace ashlar
