// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/markup.hpp"

#include <algorithm>

namespace lab {

markup& markup::open(std::string_view tag, attributes with) {
    begin(tag, with);
    out_ += '>';
    tags_.emplace_back(tag);
    return *this;
}

markup& markup::close() {
    out_ += "</" + tags_.back() + ">";
    tags_.pop_back();
    return *this;
}

markup& markup::leaf(std::string_view tag, attributes with, std::string_view content) {
    return open(tag, with).text(content).close();
}

markup& markup::shape(std::string_view tag, attributes with) {
    begin(tag, with);
    out_ += "/>";
    return *this;
}

markup& markup::text(std::string_view content) {
    out_ += escaped(content);
    return *this;
}

markup& markup::name(std::string_view composition) {
    open("span", {{"class", "name"}});
    while (!composition.empty()) {
        const std::size_t end = std::min(composition.find('/'), composition.size() - 1) + 1;
        text(composition.substr(0, end));
        composition.remove_prefix(end);
        if (!composition.empty()) out_ += "<wbr>";
    }
    return close();
}

markup& markup::add(std::string_view finished) {
    out_ += finished;
    return *this;
}

void markup::begin(std::string_view tag, attributes with) {
    out_ += '<';
    out_ += tag;
    for (const auto& [name, value] : with) {
        out_ += ' ';
        out_ += name;
        out_ += "=\"" + escaped(value) + '"';
    }
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

}  // namespace lab
