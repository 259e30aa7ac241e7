// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/migrate/failure_set.hpp>
#include <ashlar/migrate/migration_report.hpp>
#include <cstdint>

namespace ashlar {

/// What became of the frames of a failure set.
struct failing_frames {
    std::uint64_t vacated = 0;  ///< nobody's bytes are in them any more
    std::uint64_t refused = 0;  ///< as they were
    errc error = errc::ok;      ///< why, of the first that was refused
};

/// Moves away whatever lies in the frames that fail together with an address: corrected errors told it (see
/// `error_counter`), or the row's neighbours did. Each frame is a move of its own; what cannot move stays,
/// and the others move all the same. Frames that are no memory of the operating system's, and no spares, are
/// not counted. Context and cost: those of `vacate`, for each frame.
///
/// ```
/// if (errors.note(frame) == ashlar::error_verdict::migrate) {
///     const auto done = ashlar::migrate_failing(mover, rows, address);
///     if (done.refused != 0) log(done.error);
/// }
/// ```
template <class Engine, failure_set Set>
failing_frames migrate_failing(Engine& engine, const Set& set, std::uint64_t address,
                               move_options options = {}) noexcept {
    failing_frames done;
    set(address, [&](range<> frames) noexcept {
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            const errc answer = engine.vacate(frames.first + i, options);
            if (answer == errc::ok) {
                ++done.vacated;
            } else if (answer != errc::not_owned) {
                if (done.refused++ == 0) done.error = answer;
            }
        }
    });
    return done;
}

}  // namespace ashlar
