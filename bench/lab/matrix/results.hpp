// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lab/matrix/heat_cells.hpp"
#include "lab/matrix/host.hpp"
#include "lab/matrix/moments.hpp"
#include "lab/matrix/samples.hpp"
#include "lab/replay/figures.hpp"
#include "lab/replay/spread.hpp"

namespace lab {

/// A composition, a peer or the oracle, on one machine, under one trace.
struct matrix_run {
    figures told;  ///< its name is the subject's
    spread ns_per_event;
    std::vector<double> repetitions;  ///< nanoseconds an event, in the order in which they were taken; the
                                      ///< oracle has none
    samples over_time;
};

/// One trace on one machine, under all compositions and peers, and the oracle, which is the last.
struct scenario {
    std::string machine;
    std::size_t nodes = 0;
    unsigned page_shift = 0;
    std::vector<ashlar::zone_description> zones;

    std::string trace;  ///< the file
    std::size_t events = 0;
    std::uint64_t peak_frames = 0;
    std::uint64_t left_frames = 0;

    std::vector<moment> moments;
    heat_layout heat;
    std::vector<matrix_run> runs;

    [[nodiscard]] std::uint64_t usable_frames() const;
    [[nodiscard]] std::uint64_t mirrored_frames() const;
    [[nodiscard]] double seconds() const { return moments.back().seconds; }
};

/// What a run of the lab comes to.
struct matrix_results {
    host measured_on;
    std::size_t repetitions = 0;
    std::vector<scenario> scenarios;
};

}  // namespace lab
