// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <string>

namespace lab {

/// What a folder like /sys/firmware/memmap tells, with a line for each entry as `ashlar::read_linux_memmap`
/// reads it: the number of its folder, then the contents of `start`, `end` and `type`. None if it is no
/// folder or has no folder that is called a number. Throws `failure` where one of the files cannot be read.
[[nodiscard]] std::optional<std::string> read_memmap_folder(const std::string& path);

}  // namespace lab
