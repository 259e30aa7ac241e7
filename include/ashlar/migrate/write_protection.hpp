// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// Why no write is lost while frames are copied. One of:
///
/// | policy | writes to frames that move | what it asks of the path |
/// |---|---|---|
/// | `trap_and_retry` | wait until the move is over | `access_path` |
/// | `copy_cursor` | go on, but for the lines that are being copied | `splitting_path` |
/// | `dirty_recopy` | go on until the last few lines | `tracking_path` |
///
/// `start(path, move)` begins; `stop(path, move)` comes after the copy and before the table is written: what
/// has been written then is in the copy, or is told by `take_dirty` if `tracks`. `stride` bounds how many
/// lines are copied at once, `lock` and `pass` surround that; `splits` says that the copy has writes that the
/// source has not, so that a move that is given up copies back.
template <class W, class Path>
concept write_protection = access_path<Path> &&
    requires(Path& path, const frame_move& move, std::uint64_t line) {
    { W::tracks } -> std::convertible_to<bool>;
    { W::splits } -> std::convertible_to<bool>;
    { W::stride } -> std::convertible_to<std::uint32_t>;
    { W::start(path, move) } -> std::same_as<errc>;
    { W::stop(path, move) } -> std::same_as<errc>;
    W::lock(path, line);
    W::pass(path, line);
};

/// Writes to frames that move wait, from before the copy to after the switch: the writer's attempt traps and
/// is repeated. Source: US9600202.
struct trap_and_retry {
    static constexpr bool tracks = false;
    static constexpr bool splits = false;
    static constexpr std::uint32_t stride = ~std::uint32_t{0};

    template <access_path Path>
    static errc start(Path& path, const frame_move& move) noexcept {
        return path.hold(move);
    }
    template <class Path>
    static constexpr errc stop(Path&, const frame_move&) noexcept {
        return errc::ok;
    }
    template <class Path>
    static constexpr void lock(Path&, std::uint64_t) noexcept {}
    template <class Path>
    static constexpr void pass(Path&, std::uint64_t) noexcept {}
};

/// Below a cursor accesses go to the copy, above it to the source; only writes to the `Stride` lines that are
/// being copied wait. The check against the cursor and the write have to be one step for whoever copies: the
/// path sees to it (`splitting_path::lock`). Each stride costs the path one wait for accesses under way.
/// Source: US9600202.
template <std::uint32_t Stride = 16>
struct copy_cursor {
    static_assert(Stride != 0, "copy_cursor<Stride>: at least one line is copied at a time");
    static constexpr bool tracks = false;
    static constexpr bool splits = true;
    static constexpr std::uint32_t stride = Stride;

    template <splitting_path Path>
    static errc start(Path& path, const frame_move& move) noexcept {
        return path.split(move, Stride);
    }
    /// All is below the cursor.
    template <class Path>
    static constexpr errc stop(Path&, const frame_move&) noexcept {
        return errc::ok;
    }
    template <splitting_path Path>
    static void lock(Path& path, std::uint64_t line) noexcept {
        path.lock(line);
    }
    template <splitting_path Path>
    static void pass(Path& path, std::uint64_t line) noexcept {
        path.pass(line);
    }
};

/// Writes go on to the source and are told; what was written after it was copied is copied again, in up to
/// `Rounds` rounds, or until a round has found at most `Few` lines; then writes wait for one last round. (How
/// virtual machines migrate.)
template <std::uint32_t Rounds = 8, std::uint32_t Few = 8>
struct dirty_recopy {
    static constexpr bool tracks = true;
    static constexpr bool splits = false;
    static constexpr std::uint32_t stride = ~std::uint32_t{0};
    static constexpr std::uint32_t rounds = Rounds;
    static constexpr std::uint32_t few = Few;

    template <tracking_path Path>
    static errc start(Path& path, const frame_move& move) noexcept {
        return path.track(move);
    }
    template <access_path Path>
    static errc stop(Path& path, const frame_move& move) noexcept {
        return path.hold(move);
    }
    template <class Path>
    static constexpr void lock(Path&, std::uint64_t) noexcept {}
    template <class Path>
    static constexpr void pass(Path&, std::uint64_t) noexcept {}
};

}  // namespace ashlar
