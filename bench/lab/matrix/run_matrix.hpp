// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "lab/matrix/lab_options.hpp"
#include "lab/matrix/results.hpp"

namespace lab {

/// Replays every trace on every machine under every composition and peer: so many times for the time, in
/// rounds, and once more to sample the state of memory. Says on stderr how far it is. Throws `failure`.
[[nodiscard]] matrix_results run_matrix(const lab_options& options);

}  // namespace lab
