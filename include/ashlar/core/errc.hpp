// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ashlar {

/// What a verb answers. Failure is ordinary and leaves no trace: which frames are free, allocated and online
/// is as before the call.
enum class [[nodiscard]] errc : std::uint8_t{
    ok,           ///< done
    exhausted,    ///< no free block fits the request; said only when it is true
    busy,         ///< something is in transit, held or still in use: the call can be repeated
    unsupported,  ///< the type cannot judge a requirement of the request, or does not offer the verb
    not_owned,    ///< a frame that is not online here
    double_free,  ///< a frame of the block is free already
    misaligned,   ///< a block or range does not start or end where the verb needs it
    limit,        ///< a stated capacity (table, metadata, tenant limit) or the request's effort is spent
    revoked,      ///< the frame was online and is gone (its link or device died)
    corrupt,      ///< the metadata contradict themselves
    invalid,      ///< an argument that no state could satisfy (an empty or wrapping range, a broken table)
    unreadable,   ///< the bytes of a frame cannot be read: an uncorrected memory error, a device that is gone
    stale,  ///< a handle of an earlier state (a link that went and is back, a window that shows something
            ///< else): another one is to be had
    not_covered,      ///< no window shows the address, or can show it
    not_distributed,  ///< no map says which server has the address, or it is of none that is known
    unmapped,         ///< the table that says where an address lies has no valid entry for it
    too_large,        ///< more bytes than a window, or all of them together, can show
    beyond_mask,      ///< an address has bits that the device does not have
};

/// A short lower-case name, for logs. Any context.
[[nodiscard]] constexpr const char* to_string(errc error) noexcept {
    switch (error) {
        case errc::ok:
            return "ok";
        case errc::exhausted:
            return "exhausted";
        case errc::busy:
            return "busy";
        case errc::unsupported:
            return "unsupported";
        case errc::not_owned:
            return "not owned";
        case errc::double_free:
            return "double free";
        case errc::misaligned:
            return "misaligned";
        case errc::limit:
            return "limit";
        case errc::revoked:
            return "revoked";
        case errc::corrupt:
            return "corrupt";
        case errc::invalid:
            return "invalid";
        case errc::unreadable:
            return "unreadable";
        case errc::stale:
            return "stale";
        case errc::not_covered:
            return "not covered";
        case errc::not_distributed:
            return "not distributed";
        case errc::unmapped:
            return "unmapped";
        case errc::too_large:
            return "too large";
        case errc::beyond_mask:
            return "beyond mask";
    }
    return "unknown";
}

}  // namespace ashlar
