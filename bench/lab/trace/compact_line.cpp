// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/trace/compact_line.hpp"

#include <array>
#include <cstddef>
#include <optional>

#include "lab/text/numbers.hpp"

namespace lab {
namespace {

constexpr std::size_t columns = 7;

/// The columns of a line; none if there are more or fewer.
std::optional<std::array<std::string_view, columns>> split(std::string_view line) {
    std::array<std::string_view, columns> parts;
    for (std::size_t i = 0; i < columns; ++i) {
        const std::size_t end = line.find('\t');
        const bool last = i + 1 == columns;
        if (last != (end == std::string_view::npos)) return std::nullopt;
        parts[i] = line.substr(0, end);
        if (!last) line.remove_prefix(end + 1);
    }
    return parts;
}

}  // namespace

bool is_compact_line(std::string_view line) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) return false;
    const std::string_view rest = line.substr(second + 1);
    return rest.size() >= 2 && rest[1] == '\t';
}

line_kind read_compact_line(std::string_view line, trace_event& event) {
    const auto parts = split(line);
    if (!parts) return line_kind::unreadable;
    const auto& [time, cpu, action, frame, order, migratetype, owner] = *parts;
    const auto time_us = parse_number(time);
    const auto cpu_number = parse_number(cpu);
    const auto frame_number = parse_number(frame, 16);
    const auto order_number = parse_number(order);
    if (!time_us || !cpu_number || *cpu_number > 0xffff || !frame_number ||
        *frame_number > largest_trace_frame || !order_number || *order_number > largest_trace_order) {
        return line_kind::unreadable;
    }
    const bool allocates = action == "a";
    if (!allocates && action != "f") return line_kind::unreadable;
    if (allocates && owner != "k" && owner != "u") return line_kind::unreadable;

    event.time_us = *time_us;
    event.frame = *frame_number;
    event.cpu = static_cast<std::uint32_t>(*cpu_number);
    event.order = static_cast<std::uint8_t>(*order_number);
    event.what = allocates ? trace_event::action::allocate : trace_event::action::free;
    event.written = trace_event::digits::hexadecimal;
    event.mobility = allocates ? mobility_of(parse_number(migratetype).value_or(0)) : ashlar::mobility{};
    event.kernel = allocates && owner == "k";
    return line_kind::event;
}

}  // namespace lab
