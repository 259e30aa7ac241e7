// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/json_writer.hpp"

#include "lab/text/numbers.hpp"

namespace lab {

void json_writer::key(std::string_view name) {
    separate();
    quote(name);
    out_ += ": ";
    after_key_ = true;
}

void json_writer::text(std::string_view value) {
    separate();
    quote(value);
}

void json_writer::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
}

void json_writer::null() {
    separate();
    out_ += "null";
}

void json_writer::number(std::uint64_t value) {
    separate();
    out_ += std::to_string(value);
}

void json_writer::number(double value, int digits) {
    separate();
    out_ += fixed(value, digits);
}

void json_writer::begin(char bracket, layout form) {
    separate();
    out_ += bracket;
    levels_.push_back({form, true});
}

void json_writer::end(char bracket) {
    const level closed = levels_.back();
    levels_.pop_back();
    if (closed.form == layout::lines && !closed.empty) new_line();
    out_ += bracket;
}

void json_writer::separate() {
    if (after_key_ || levels_.empty()) {
        after_key_ = false;
        return;
    }
    level& container = levels_.back();
    if (!container.empty) out_ += container.form == layout::lines ? "," : ", ";
    container.empty = false;
    if (container.form == layout::lines) new_line();
}

void json_writer::new_line() {
    out_ += '\n';
    out_.append(2 * levels_.size(), ' ');
}

void json_writer::quote(std::string_view value) {
    constexpr std::string_view digits = "0123456789abcdef";
    out_ += '"';
    for (const char c : value) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out_ += '\\';
            out_ += c;
        } else if (code < 0x20 || code >= 0x7f) {
            // A file name may be in any encoding: its bytes are kept one by one.
            out_ += "\\u00";
            out_ += digits[code >> 4];
            out_ += digits[code & 0xf];
        } else {
            out_ += c;
        }
    }
    out_ += '"';
}

}  // namespace lab
