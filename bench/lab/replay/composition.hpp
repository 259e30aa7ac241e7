// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/replay/player.hpp"
#include "lab/replay/replay_input.hpp"

namespace lab {

/// A machine that the lab can be asked for.
struct composition {
    std::string name;  ///< source/order/node choice
    std::unique_ptr<player> (*make)(const std::string& name, const replay_input& input);
};

/// Per-CPU rows over a radix buddy, the radix buddy alone, and a list buddy behind a lock: each under every
/// order and node choice.
[[nodiscard]] std::vector<composition> rows_compositions();
[[nodiscard]] std::vector<composition> radix_compositions();
[[nodiscard]] std::vector<composition> list_compositions();

/// All of them, in the order in which they are reported.
[[nodiscard]] std::vector<composition> all_compositions();
/// Those of these names; all if there are none. Throws `usage_error`.
[[nodiscard]] std::vector<composition> find_compositions(const std::vector<std::string>& names);

}  // namespace lab
