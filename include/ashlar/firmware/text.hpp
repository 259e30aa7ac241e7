// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

using characters = view<const char>;

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr bool is_word(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

[[nodiscard]] constexpr bool is_line_end(char c) noexcept {
    return c == '\n' || c == '\r' || c == '\0';
}

/// The value of a hexadecimal digit, 16 or more if it is none.
[[nodiscard]] constexpr unsigned hexadecimal(char c) noexcept {
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return 16;
}

/// A number as it is written.
struct number {
    std::uint64_t value = 0;
    unsigned digits = 0;  ///< without a prefix; none: there is no number, or it does not fit into 64 bits

    [[nodiscard]] constexpr explicit operator bool() const noexcept { return digits != 0; }
};

/// Reads a line from left to right. What does not match is not consumed.
class text_cursor {
 public:
    constexpr explicit text_cursor(characters line) noexcept : rest_(line) {}

    [[nodiscard]] constexpr characters rest() const noexcept { return rest_; }
    [[nodiscard]] constexpr char peek() const noexcept { return rest_.empty() ? '\0' : rest_[0]; }

    /// True, and consumes nothing, if `expected` stands anywhere in the rest.
    [[nodiscard]] constexpr bool contains(const char* expected) const noexcept {
        return text_cursor(rest_).skip_past(expected);
    }

    /// Consumes spaces. Where mailers wrapped the line, its break and what quotes the next one are spaces.
    constexpr void skip_spaces() noexcept { advance(spaces(0)); }

    /// Consumes `expected` if it comes next. A space in it stands for any spaces.
    constexpr bool accept(const char* expected) noexcept {
        std::size_t length = 0;
        for (; *expected != '\0'; ++expected) {
            const bool same = length < rest_.size() && rest_[length] == *expected;
            const std::size_t blank = *expected == ' ' ? spaces(length) : 0;
            if (!same && blank == 0) return false;
            length += blank == 0 ? 1 : blank;
        }
        advance(length);
        return true;
    }

    /// Consumes `expected` if it comes next and is not the beginning of a longer word.
    constexpr bool accept_word(const char* expected) noexcept {
        const characters before = rest_;
        if (accept(expected) && !is_word(peek())) return true;
        rest_ = before;
        return false;
    }

    /// Consumes everything up to and with the first `expected`, if there is one.
    constexpr bool skip_past(const char* expected) noexcept {
        for (std::size_t at = 0; at < rest_.size(); ++at) {
            text_cursor here(rest_.subview(at));
            if (!here.accept(expected)) continue;
            rest_ = here.rest_;
            return true;
        }
        return false;
    }

    constexpr number decimal() noexcept { return read_number(10); }

    /// With or without 0x.
    constexpr number hexadecimal_number() noexcept {
        const characters before = rest_;
        (void)accept("0x");
        const number read = read_number(16);
        if (!read) rest_ = before;
        return read;
    }

    /// Consumes everything before the first of the two characters; false if neither comes.
    constexpr bool skip_to(char a, char b) noexcept {
        while (!rest_.empty() && peek() != a && peek() != b) advance(1);
        return !rest_.empty();
    }

 private:
    constexpr void advance(std::size_t count) noexcept { rest_ = rest_.subview(count); }

    /// How many characters from `at` on are spaces.
    [[nodiscard]] constexpr std::size_t spaces(std::size_t at) const noexcept {
        const std::size_t begin = at;
        for (bool quoted = false; at < rest_.size(); ++at) {
            const char c = rest_[at];
            if (is_line_end(c)) {
                quoted = true;
            } else if (c != ' ' && c != '\t' && !(quoted && c == '>')) {
                break;
            }
        }
        return at - begin;
    }

    constexpr number read_number(unsigned base) noexcept {
        number read;
        std::size_t length = 0;
        for (; length < rest_.size(); ++length) {
            const unsigned digit = hexadecimal(rest_[length]);
            if (digit >= base) break;
            if (read.value > (~std::uint64_t{0} - digit) / base) return {};
            read.value = read.value * base + digit;
            ++read.digits;
        }
        advance(length);
        return read;
    }

    characters rest_;
};

/// Calls `sink(offset, line)` for each line that is not empty, with any line ends, until it returns false.
template <class Sink>
constexpr void for_each_line(characters text, Sink&& sink) noexcept {
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin;
        while (end < text.size() && !is_line_end(text[end])) ++end;
        if (end > begin && !sink(begin, text.subview(begin, end - begin))) return;
        begin = end + 1;
    }
}

}  // namespace ashlar::detail
