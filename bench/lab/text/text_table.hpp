// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace lab {

/// Rows and columns for people, two spaces between the columns.
class text_table {
 public:
    enum class align { left, right };
    struct column {
        std::string title;
        align to = align::right;
    };

    explicit text_table(std::vector<column> columns) : columns_(std::move(columns)) {}

    /// One text a column.
    void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] bool empty() const { return rows_.empty(); }

    /// Each line begins with `indent`.
    [[nodiscard]] std::string str(const std::string& indent = "  ") const;

 private:
    std::vector<column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace lab
