// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>

#include "bench/options.hpp"
#include "lab/trace/operation.hpp"

namespace bench {

/// What all subjects are measured with.
struct plan {
    options wanted;
    std::shared_ptr<const lab::operation_list> events;  ///< none without a trace
};

}  // namespace bench
