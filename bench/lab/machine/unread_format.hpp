// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <optional>
#include <string>

namespace lab {

/// For a file that describes no machine: what it is and what to do with it, as the end of a sentence, where
/// that can be told (packed files and archives, UTF-16, sources and listings of tables). None otherwise.
[[nodiscard]] std::optional<std::string> unread_format(ashlar::bytes content);

}  // namespace lab
