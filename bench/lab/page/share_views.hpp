// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/matrix/results.hpp"
#include "lab/page/look.hpp"

namespace lab {

/// Charts of the shares over time, those that can differ: mirrored ones where there is mirrored memory, local
/// ones where there are nodes.
[[nodiscard]] std::string share_charts(const scenario& told, const looks& drawn);

/// The same shares as a table, which is also the legend of the charts: at the end of the trace, or where the
/// page's script is.
[[nodiscard]] std::string share_readout(const scenario& told, const looks& drawn);

}  // namespace lab
