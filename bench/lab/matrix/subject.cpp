// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/subject.hpp"

#include <set>
#include <utility>

#include "lab/replay/composition.hpp"
#include "lab/replay/load.hpp"
#include "lab/replay/peer_player.hpp"

namespace lab {
namespace {

std::vector<std::string> usual_names(const machine& on) {
    std::set<ashlar::node_id> with_memory;
    (*on.map)->for_each_usable([&](const ashlar::usable_run& run) { with_memory.insert(run.node); });
    std::vector<std::string> names{"rows/reliability_first/nearest"};
    if (mirrored_frames(on) > 0) {
        names.emplace_back("rows/locality_first/nearest");
        names.emplace_back("rows/mirror_off/nearest");
    }
    if (with_memory.size() > 1) names.emplace_back("rows/reliability_first/interleave");
    names.emplace_back("radix/reliability_first/nearest");
    names.emplace_back("list/reliability_first/nearest");
    return names;
}

}  // namespace

std::vector<subject> composition_subjects(const std::vector<std::string>& names, const machine& on) {
    std::vector<subject> subjects;
    for (const composition& each : find_compositions(names.empty() ? usual_names(on) : names)) {
        subjects.push_back(
            {each.name, [each](const replay_input& input) { return each.make(each.name, input); }});
    }
    return subjects;
}

subject peer_subject_of(const bench::peer_library& library) {
    return {"peer:" + library.name,
            [&library](const replay_input& input) { return make_peer_player(library, input); }};
}

}  // namespace lab
