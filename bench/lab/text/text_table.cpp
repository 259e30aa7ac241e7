// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/text_table.hpp"

#include <algorithm>

namespace lab {

std::string text_table::str(const std::string& indent) const {
    std::vector<std::size_t> widths;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        std::size_t width = columns_[c].title.size();
        for (const auto& row : rows_) width = std::max(width, row[c].size());
        widths.push_back(width);
    }
    std::string out;
    const auto add_line = [&](auto&& cell) {
        std::string line = indent;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            const std::string& text = cell(c);
            const std::size_t padding = widths[c] - text.size();
            if (c > 0) line += "  ";
            if (columns_[c].to == align::right) line.append(padding, ' ');
            line += text;
            if (columns_[c].to == align::left) line.append(padding, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    };
    add_line([&](std::size_t c) -> const std::string& { return columns_[c].title; });
    for (const auto& row : rows_) {
        add_line([&](std::size_t c) -> const std::string& { return row[c]; });
    }
    return out;
}

}  // namespace lab
