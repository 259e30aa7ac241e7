// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lab {

/// Writes one JSON text, element by element. Containers that are opened with `lines` put each element on a
/// line of its own. The caller keeps the grammar: a key before each value of an object, and what begins ends.
class json_writer {
 public:
    enum class layout { in_line, lines };

    void begin_object(layout form = layout::in_line) { begin('{', form); }
    void end_object() { end('}'); }
    void begin_array(layout form = layout::in_line) { begin('[', form); }
    void end_array() { end(']'); }
    void key(std::string_view name);

    void text(std::string_view value);
    void boolean(bool value);
    void null();
    void number(std::uint64_t value);
    /// With so many digits behind the point.
    void number(double value, int digits);

    /// What was written, with a line end.
    [[nodiscard]] std::string str() const { return out_ + '\n'; }

 private:
    struct level {
        layout form;
        bool empty;
    };

    void begin(char bracket, layout form);
    void end(char bracket);
    void separate();
    void new_line();
    void quote(std::string_view value);

    std::string out_;
    std::vector<level> levels_;
    bool after_key_ = false;
};

}  // namespace lab
