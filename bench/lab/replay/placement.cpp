// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/placement.hpp"

#include <algorithm>

#include "lab/text/numbers.hpp"

namespace lab {

placement::placement(const replay_input& input) : input_(input) {
    (*input.on.map)->for_each_usable([&](const ashlar::usable_run& run) { runs_.push_back(run); });
}

void placement::allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror) {
    const auto after = std::upper_bound(
        runs_.begin(), runs_.end(), frames.first,
        [](ashlar::frame<> f, const ashlar::usable_run& run) { return f < run.frames.first; });
    if (after == runs_.begin()) return;
    const ashlar::usable_run& run = *std::prev(after);
    count& owner = step.kernel ? kernel_ : user_;
    owner.frames += frames.count;
    if (run.mirrored) owner.mirrored += frames.count;
    if (run.node == input_.nodes_of_cpus[step.cpu]) local_ += frames.count;
    if (prefers_mirror && !run.mirrored) ++fallbacks_;
}

void placement::tell(figures& into) const {
    into.mirrored_kernel_share = share(kernel_.mirrored, kernel_.frames);
    into.mirrored_user_share = share(user_.mirrored, user_.frames);
    into.local_share = share(local_, kernel_.frames + user_.frames);
    into.fallbacks = fallbacks_;
    into.failures = failures_;
}

}  // namespace lab
