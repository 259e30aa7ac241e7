// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Cuts an access of `count` bytes at an address where frames of a power of two of bytes end. Calls
/// `access(frame, part, done)` for each piece, `done` bytes of the access before it, until one fails.
template <std::uint64_t FrameBytes, class Access>
constexpr errc for_each_frame_piece(std::uint64_t address, std::size_t count, Access&& access) noexcept {
    static_assert(std::has_single_bit(FrameBytes));
    for (std::size_t done = 0; done < count;) {
        const std::uint64_t offset = address % FrameBytes;
        const std::uint64_t inside = FrameBytes - offset;
        const std::uint64_t part = count - done < inside ? count - done : inside;
        const errc answer = access(frame<os>{address / FrameBytes}, frame_part{offset, part}, done);
        if (answer != errc::ok) return answer;
        address += part;
        done += static_cast<std::size_t>(part);
    }
    return errc::ok;
}

}  // namespace ashlar::detail
