// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>

namespace lab {

/// Ends the program: a sentence for the user, which names the file it is about.
struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// As above, for a command line that cannot be understood.
struct usage_error : failure {
    using failure::failure;
};

}  // namespace lab
