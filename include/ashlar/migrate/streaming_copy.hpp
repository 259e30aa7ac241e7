// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

namespace detail {

/// Eight bytes past the caches. MOVNTI stores from a general register, so it is there where a kernel is
/// compiled without vector registers.
inline void store_past_caches(std::uint64_t& into, std::uint64_t value) noexcept {
#if defined(__x86_64__)
    __asm__ volatile("movnti %1, %0" : "=m"(into) : "r"(value));
#else
    into = value;
#endif
}
/// Such stores are not ordered among others: they are by who stores after this.
inline void finish_past_caches() noexcept {
#if defined(__x86_64__)
    __asm__ volatile("sfence" : : : "memory");
#endif
}

}  // namespace detail

/// A `part_copier` whose stores pass the caches, so that a copy leaves in them what others use (x86-64:
/// MOVNTI; elsewhere plain stores). A copy larger than the caches is faster too; a small one that is read
/// soon is not. A memory error is the machine's to handle. Any context; no vector register is used.
///
/// Source: Intel SDM volume 1, 10.4.6.2 (streaming stores are weakly ordered: SFENCE before the table says
/// that the bytes are there).
template <class Platform>
struct streaming_copy {
    static_assert(frame_access<Platform>,
                  "streaming_copy<Platform>: the platform must offer frame_access (bytes_of, frame_bytes)");

    copy_result operator()(frame<machine> from, frame<machine> to, frame_part part) const noexcept {
        void* const out_of = Platform::bytes_of(from);
        void* const into = Platform::bytes_of(to);
        const auto* const source =
            static_cast<const std::byte*>(out_of) + static_cast<std::size_t>(part.offset);
        auto* const target = static_cast<std::byte*>(into) + static_cast<std::size_t>(part.offset);
        const auto count = static_cast<std::size_t>(part.count);
        std::size_t done = 0;
        if (reinterpret_cast<std::uintptr_t>(target) % 8 == 0) {
            for (; done + 8 <= count; done += 8) {
                std::uint64_t word = 0;
                __builtin_memcpy(&word, source + done, 8);
                void* const place = target + done;
                detail::store_past_caches(*static_cast<std::uint64_t*>(place), word);
            }
        }
        __builtin_memcpy(target + done, source + done, count - done);
        detail::finish_past_caches();
        return {part.count, errc::ok};
    }
};

}  // namespace ashlar
