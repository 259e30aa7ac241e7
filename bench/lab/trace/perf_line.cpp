// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/trace/perf_line.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lab/text/numbers.hpp"

namespace lab {
namespace {

constexpr std::string_view blanks = " \t";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Where the name of the event begins, if the line is about that one: a blank or the system's name before it,
/// a colon behind it.
std::size_t find_event(std::string_view line, std::string_view name) {
    for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        const bool whole = at > 0 && (line[at - 1] == ':' || line[at - 1] == ' ' || line[at - 1] == '\t');
        if (whole && end < line.size() && line[end] == ':') return at;
    }
    return std::string_view::npos;
}

/// The word behind "name=", up to a blank.
std::optional<std::string_view> field(std::string_view fields, std::string_view name) {
    for (std::size_t at = fields.find(name); at != std::string_view::npos; at = fields.find(name, at + 1)) {
        const std::size_t begin = at + name.size();
        const bool whole = (at == 0 || blanks.find(fields[at - 1]) != std::string_view::npos) &&
                           begin < fields.size() && fields[begin] == '=';
        if (!whole) continue;
        const std::string_view rest = fields.substr(begin + 1);
        return rest.substr(0, rest.find_first_of(blanks));
    }
    return std::nullopt;
}

/// The number between the last brackets that hold nothing else.
std::uint32_t cpu_of(std::string_view heading) {
    for (std::size_t open = heading.rfind('['); open != std::string_view::npos;
         open = open == 0 ? std::string_view::npos : heading.rfind('[', open - 1)) {
        const std::size_t close = heading.find(']', open);
        if (close == std::string_view::npos) continue;
        const auto cpu = parse_number(heading.substr(open + 1, close - open - 1));
        if (cpu && *cpu <= 0xffff) return static_cast<std::uint32_t>(*cpu);
    }
    return 0;
}

/// The last word of the form "801.637803:", in microseconds; 0 if there is none.
std::uint64_t time_of(std::string_view heading) {
    constexpr std::size_t microsecond_digits = 6;
    for (std::size_t colon = heading.rfind(':'); colon != std::string_view::npos && colon > 0;
         colon = heading.rfind(':', colon - 1)) {
        std::size_t begin = colon;
        while (begin > 0 && (is_digit(heading[begin - 1]) || heading[begin - 1] == '.')) --begin;
        const std::string_view word = heading.substr(begin, colon - begin);
        const std::size_t point = word.find('.');
        if (point == std::string_view::npos) continue;
        const auto seconds = parse_number(word.substr(0, point));
        std::string_view fraction = word.substr(point + 1, microsecond_digits);
        const auto part = parse_number(fraction);
        if (!seconds || !part || *seconds > 1'000'000'000'000) continue;
        std::uint64_t micros = *part;
        for (std::size_t digits = fraction.size(); digits < microsecond_digits; ++digits) micros *= 10;
        return *seconds * 1'000'000 + micros;
    }
    return 0;
}

bool read_frame(std::string_view text, trace_event& event) {
    const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
    if (prefixed) text.remove_prefix(2);
    const auto frame = parse_number(text, 16);
    if (!frame) return false;
    event.frame = *frame;
    const bool letters = text.find_first_not_of("0123456789") != std::string_view::npos;
    event.written = letters ? trace_event::digits::has_letters : trace_event::digits::ambiguous;
    if (prefixed) event.written = trace_event::digits::hexadecimal;
    return true;
}

bool is_for_user(std::string_view flags) {
    return flags.find("GFP_HIGHUSER") != std::string_view::npos ||
           flags.find("GFP_TRANSHUGE") != std::string_view::npos;
}

}  // namespace

line_kind read_perf_line(std::string_view line, trace_event& event) {
    std::size_t at = find_event(line, "mm_page_alloc");
    event.what = trace_event::action::allocate;
    if (at == std::string_view::npos) {
        at = find_event(line, "mm_page_free");
        event.what = trace_event::action::free;
    }
    if (at == std::string_view::npos) return line_kind::other;

    const std::string_view heading = line.substr(0, at);
    const std::string_view fields = line.substr(at);
    const auto frame = field(fields, "pfn");
    const auto order_text = field(fields, "order");
    if (!frame || !order_text || !read_frame(*frame, event)) return line_kind::unreadable;
    const auto order = parse_number(*order_text);
    if (!order || *order > largest_trace_order) return line_kind::unreadable;
    // What the kernel prints for an allocation that failed.
    if (event.frame == 0 || event.frame == ~std::uint64_t{0}) return line_kind::other;
    if (event.frame > largest_trace_frame) return line_kind::unreadable;

    event.order = static_cast<std::uint8_t>(*order);
    event.cpu = cpu_of(heading);
    event.time_us = time_of(heading);
    event.mobility = ashlar::mobility::unmovable;
    event.kernel = false;
    if (event.what == trace_event::action::allocate) {
        const auto migratetype = field(fields, "migratetype");
        if (migratetype) event.mobility = mobility_of(parse_number(*migratetype).value_or(0));
        event.kernel = !is_for_user(field(fields, "gfp_flags").value_or(""));
    }
    return line_kind::event;
}

}  // namespace lab
