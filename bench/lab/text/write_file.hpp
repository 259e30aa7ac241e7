// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace lab {

/// Throws `failure` if not all of it can be written.
void write_file(const std::string& path, const std::string& content);

/// Throws `failure` if `write_file` would for want of a folder or a permission. Leaves everything as it was.
void check_writable(const std::string& path);

}  // namespace lab
