// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/recorder.hpp"

#include <optional>

#include "lab/text/numbers.hpp"

namespace lab {
namespace {

std::optional<double> share_if_any(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? std::nullopt : std::optional(share(part, whole));
}

}  // namespace

recorder::recorder(const std::string& name, const replay_input& input, const std::vector<moment>& moments)
    : judge(name, input),
      input_(input),
      moments_(moments),
      layout_(heat_layout_of(blocks())),
      owners_(input.trace.slots) {
    taken_.zones.resize(blocks().zones().size());
    sample();
}

void recorder::allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror) {
    judge::allocated(step, frames, prefers_mirror);
    owners_[step.slot] = {input_.nodes_of_cpus[step.cpu], step.kernel};
    const counts added = counts_of(owners_[step.slot], frames);
    live_.all += added.all;
    live_.local += added.local;
    live_.kernel += added.kernel;
    live_.kernel_mirrored += added.kernel_mirrored;
}

void recorder::freed(const operation& step, ashlar::range<> frames) {
    judge::freed(step, frames);
    const counts gone = counts_of(owners_[step.slot], frames);
    live_.all -= gone.all;
    live_.local -= gone.local;
    live_.kernel -= gone.kernel;
    live_.kernel_mirrored -= gone.kernel_mirrored;
}

void recorder::stepped() {
    ++steps_;
    sample();
}

recorder::counts recorder::counts_of(const owner& who, ashlar::range<> frames) const {
    const ashlar::zone_description& zone = blocks().zone_of(frames.first.number).what;
    return {frames.count, zone.node == who.node ? frames.count : 0, who.kernel ? frames.count : 0,
            who.kernel && zone.mirrored ? frames.count : 0};
}

/// Takes every sample whose moment has come.
void recorder::sample() {
    while (taken_.cells.size() < moments_.size() && moments_[taken_.cells.size()].steps <= steps_) {
        for (std::size_t i = 0; i < taken_.zones.size(); ++i) {
            taken_.zones[i].free_frames.push_back(blocks().zones()[i].free_frames);
            taken_.zones[i].whole_blocks.push_back(blocks().zones()[i].whole_blocks);
        }
        taken_.whole_blocks.push_back(blocks().free_frames() == 0 ? std::nullopt
                                                                  : std::optional(blocks().whole_share()));
        taken_.kernel_in_mirror.push_back(share_if_any(live_.kernel_mirrored, live_.kernel));
        taken_.local.push_back(share_if_any(live_.local, live_.all));
        taken_.cells.push_back(heat_cells(blocks(), layout_));
    }
}

}  // namespace lab
