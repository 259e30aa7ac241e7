// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lab/matrix/results.hpp"

namespace lab {

/// How each composition and peer is drawn, the same in every chart of the page: classes of the style sheet, a
/// colour and a pattern of dashes.
class looks {
 public:
    explicit looks(const matrix_results& results);

    /// "s0"
    [[nodiscard]] std::string colour_of(const std::string& subject) const;
    /// "s0 d0": the dashes, too.
    [[nodiscard]] std::string line_of(const std::string& subject) const;

 private:
    [[nodiscard]] std::size_t index_of(const std::string& subject) const;

    std::vector<std::string> subjects_;
};

/// A short line in that look, for lists of names.
[[nodiscard]] std::string swatch(const std::string& look);

}  // namespace lab
