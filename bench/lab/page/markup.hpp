// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lab {

/// Writes HTML and SVG, element by element. What is text is escaped; what is opened has to be closed.
class markup {
 public:
    using attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

    markup& open(std::string_view tag, attributes with = {});
    markup& close();
    /// An element with nothing but text in it.
    markup& leaf(std::string_view tag, attributes with, std::string_view content);
    /// An SVG element with nothing in it.
    markup& shape(std::string_view tag, attributes with);
    markup& text(std::string_view content);
    /// A span for a name with slashes in it, which may go on in another line after each.
    markup& name(std::string_view composition);
    /// Markup that is finished.
    markup& add(std::string_view finished);

    [[nodiscard]] const std::string& str() const { return out_; }

 private:
    void begin(std::string_view tag, attributes with);

    std::string out_;
    std::vector<std::string> tags_;
};

/// As text or the value of an attribute.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace lab
