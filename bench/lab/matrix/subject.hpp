// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lab/machine/machine.hpp"
#include "lab/replay/player.hpp"
#include "lab/replay/replay_input.hpp"
#include "peer/load_peer.hpp"

namespace lab {

/// What the lab measures: a composition, or a peer ("peer:" and its library's name).
struct subject {
    std::string name;
    std::function<std::unique_ptr<player>(const replay_input&)> make;
};

/// The compositions of these names. If there are none: every source under the first order and node choice,
/// and the first source under the others that make a difference on this machine. Throws `usage_error`.
[[nodiscard]] std::vector<subject> composition_subjects(const std::vector<std::string>& names,
                                                        const machine& on);

/// The library has to outlive the subject.
[[nodiscard]] subject peer_subject_of(const bench::peer_library& library);

}  // namespace lab
