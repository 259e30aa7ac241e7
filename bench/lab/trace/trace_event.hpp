// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <cstdint>

namespace lab {

/// A kernel's page allocator handed out a block, or got one back.
struct trace_event {
    enum class action : std::uint8_t { allocate, free };
    /// How the frame number was written. Without a prefix or a letter its base is not known from the line.
    enum class digits : std::uint8_t { hexadecimal, has_letters, ambiguous };

    std::uint64_t time_us = 0;
    std::uint64_t frame = 0;  ///< read as hexadecimal
    std::uint32_t cpu = 0;
    std::uint8_t order = 0;
    action what = action::allocate;
    digits written = digits::hexadecimal;
    ashlar::mobility mobility = ashlar::mobility::unmovable;
    bool kernel = false;  ///< for the kernel's own use, not mapped into a process
};

/// What a line of a trace is.
enum class line_kind : std::uint8_t {
    event,       ///< it was read
    other,       ///< another event, a comment, an allocation that failed
    unreadable,  ///< begins like an event and is none
};

/// Orders and frames beyond these are no page allocator's: the line is unreadable.
inline constexpr unsigned largest_trace_order = 18;
/// Frames of 4 KiB that 64 address bits can name.
inline constexpr std::uint64_t largest_trace_frame = (std::uint64_t{1} << 52) - 1;

/// Linux's numbers for migratetypes; those that it made up later (CMA, isolated) are not of requests.
[[nodiscard]] constexpr ashlar::mobility mobility_of(std::uint64_t migratetype) {
    if (migratetype == 1) return ashlar::mobility::movable;
    return migratetype == 2 ? ashlar::mobility::reclaimable : ashlar::mobility::unmovable;
}

}  // namespace lab
