// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/frame_pieces.hpp>
#include <ashlar/migrate/line_geometry.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What an access does to the bytes.
enum class access_kind : std::uint8_t { read, write };

/// `remapped_access` where nothing remaps: every frame is where its number says, and an access costs what it
/// costs. No state; any context; never fails but for bytes beyond a frame (`invalid`).
template <class Platform>
class direct_access {
 public:
    using geometry = line_geometry<Platform>;

    /// Calls `use(bytes, 0, count)` for the bytes of a frame.
    template <class Use>
    static errc visit(frame<os> origin, frame_part part, access_kind, Use&& use) noexcept {
        if (part.offset > geometry::frame_bytes || part.count > geometry::frame_bytes - part.offset)
            return errc::invalid;
        void* const content = Platform::bytes_of(frame<machine>{origin.number});
        use(static_cast<std::byte*>(content) + static_cast<std::size_t>(part.offset), std::uint64_t{0},
            part.count);
        return errc::ok;
    }
    static errc read(std::uint64_t address, view<std::byte> into) noexcept {
        return detail::for_each_frame_piece<geometry::frame_bytes>(
            address, into.size(), [into](frame<os> f, frame_part part, std::size_t done) noexcept {
                return visit(f, part, access_kind::read,
                             [&](const std::byte* from, std::uint64_t, std::uint64_t count) noexcept {
                                 __builtin_memcpy(into.data() + done, from, static_cast<std::size_t>(count));
                             });
            });
    }
    static errc write(std::uint64_t address, bytes from) noexcept {
        return detail::for_each_frame_piece<geometry::frame_bytes>(
            address, from.size(), [from](frame<os> f, frame_part part, std::size_t done) noexcept {
                return visit(f, part, access_kind::write,
                             [&](std::byte* into, std::uint64_t, std::uint64_t count) noexcept {
                                 __builtin_memcpy(into, from.data() + done, static_cast<std::size_t>(count));
                             });
            });
    }
};

}  // namespace ashlar
