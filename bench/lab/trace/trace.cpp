// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/trace/trace.hpp"

#include <algorithm>
#include <string_view>

#include "lab/failure.hpp"
#include "lab/text/byte_stream.hpp"
#include "lab/text/numbers.hpp"
#include "lab/text/progress.hpp"
#include "lab/trace/compact_line.hpp"
#include "lab/trace/perf_line.hpp"

namespace lab {
namespace {

/// The number whose decimal digits are the hexadecimal ones of `value`.
std::uint64_t digits_as_decimal(std::uint64_t value) {
    std::uint64_t number = 0;
    for (unsigned shift = 64; shift > 0;) {
        shift -= 4;
        number = number * 10 + ((value >> shift) & 0xf);
    }
    return number;
}

}  // namespace

void settle_frame_numbers(std::vector<trace_event>& events) {
    const bool hexadecimal = std::any_of(events.begin(), events.end(), [](const trace_event& event) {
        return event.written == trace_event::digits::has_letters;
    });
    for (trace_event& event : events) {
        if (!hexadecimal && event.written == trace_event::digits::ambiguous) {
            event.frame = digits_as_decimal(event.frame);
        }
        event.written = trace_event::digits::hexadecimal;
    }
}

trace read_trace(const std::string& path) {
    byte_stream stream(path);
    line_reader lines(stream);
    progress shown("reading " + path);
    trace read;
    std::uint64_t count = 0;
    for (std::string_view line; lines.next(line); ++count) {
        if (count % 4096 == 0) shown.at(grouped(count) + " lines");
        trace_event event;
        const line_kind kind =
            is_compact_line(line) ? read_compact_line(line, event) : read_perf_line(line, event);
        if (kind == line_kind::event) read.events.push_back(event);
        if (kind == line_kind::unreadable) ++read.unreadable_lines;
    }
    if (read.events.empty()) {
        throw failure(path + (count == 0 ? ": the file is empty"
                                         : ": no page allocation in it. It takes what perf script prints of "
                                           "kmem:mm_page_alloc and kmem:mm_page_free, or the compact form"));
    }
    settle_frame_numbers(read.events);
    const std::uint64_t start = read.events.front().time_us;
    for (trace_event& event : read.events) event.time_us -= std::min(start, event.time_us);
    return read;
}

}  // namespace lab
