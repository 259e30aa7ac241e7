// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <cstdint>

namespace ashlar {

/// Where the bytes of an origin are.
enum class origin_state : std::uint8_t {
    direct,    ///< in the frame of its own number
    copying,   ///< on their way, and still where they were before
    remapped,  ///< in a spare
};

/// What a move is to do where its source cannot be read, and with what it leaves.
struct move_options {
    bool serve_rest = false;  ///< an unreadable line does not end the move: it is told, the rest is copied
    bool poison_old = false;  ///< the spare that the bytes leave is poisoned, not freed: it is what failed
};

/// How far a step came.
enum class move_progress : std::uint8_t {
    more,   ///< there are lines to copy; or the copy engine is at it
    ready,  ///< `commit` may be called
};

/// What stood in the way. Several have the same `errc`.
enum class move_obstacle : std::uint8_t {
    none,
    empty,              ///< invalid: no frame, or a range that wraps
    not_usable,         ///< not_owned: not whole usable memory of the operating system
    several_classes,    ///< misaligned: a range of more than one node or reliability
    not_remapped,       ///< not_owned: nothing to restore
    device,             ///< the device fence's veto
    table_full,         ///< limit: the table cannot take so many origins
    spares_exhausted,   ///< exhausted: too few spares
    no_contiguous_run,  ///< exhausted: enough spares, but not in a row
    pool,               ///< the pool's other errors
    path,               ///< the path would not hold writes, or point elsewhere
    source_unreadable,  ///< unreadable: see `move_report::first_lost`
    lost_lines_full,    ///< limit: more lines cannot be read than can be remembered
    copy_engine,        ///< the copy engine's own error
    table,              ///< the table refused an entry
    given_up,           ///< busy: `abort` was called
};

/// The move in flight, or the last one.
struct move_report {
    errc error = errc::ok;
    move_obstacle obstacle = move_obstacle::none;
    frame_move move{};                 ///< which frames, and where to
    bool fallback = false;             ///< a mirrored origin got ordinary spares
    std::uint64_t copied_lines = 0;    ///< each counted once
    std::uint64_t recopied_lines = 0;  ///< copied again because they were written
    std::uint64_t lost_lines = 0;      ///< that could not be read
    std::uint64_t first_lost = 0;      ///< the first of those, as an offset in bytes from the first origin's
};

}  // namespace ashlar
