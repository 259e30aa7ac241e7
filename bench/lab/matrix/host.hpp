// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace lab {

/// What times were taken on.
struct host {
    std::string processor;
    unsigned processors = 0;
    std::string compiler;  ///< and whether it optimised
    std::string date;      ///< UTC, as in 2026-01-31 12:00
    double load = 0;       ///< average over the minute before
};

[[nodiscard]] host this_host();

}  // namespace lab
