// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/fill.hpp"

namespace lab {

std::string fill(std::string_view form, const std::map<std::string, std::string>& values) {
    constexpr std::string_view opening = "{{";
    constexpr std::string_view closing = "}}";
    std::string text;
    for (;;) {
        const std::size_t begin = form.find(opening);
        const std::size_t end = begin == std::string_view::npos ? begin : form.find(closing, begin);
        text += form.substr(0, end == std::string_view::npos ? end : begin);
        if (end == std::string_view::npos) return text;
        const std::string_view name = form.substr(begin + opening.size(), end - begin - opening.size());
        text += values.at(std::string(name));
        form.remove_prefix(end + closing.size());
    }
}

}  // namespace lab
