// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lab {

/// A text with a value in the place of each {{name}}. What is put in is not looked at again. Throws
/// `std::out_of_range` for a name without value.
[[nodiscard]] std::string fill(std::string_view form, const std::map<std::string, std::string>& values);

}  // namespace lab
