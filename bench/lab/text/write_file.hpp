// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace lab {

/// Throws `failure` if not all of it can be written.
void write_file(const std::string& path, const std::string& content);

}  // namespace lab
