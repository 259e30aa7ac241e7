// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

#include "lab/trace/trace_event.hpp"

namespace lab {

/// True if the line looks like the compact form: it has tabs, and its third column is one letter.
[[nodiscard]] bool is_compact_line(std::string_view line);

/// Reads a line of the compact form: seven columns with tabs between them. Time in microseconds, CPU, `a` or
/// `f`, frame (hexadecimal), order, migratetype (0 unmovable, 1 movable, 2 reclaimable), `k` kernel or `u`
/// user; the last two are `-` on a free.
///
///     162	1	a	11c6c7	0	1	u
///     899	1	f	11c6c7	0	-	-
[[nodiscard]] line_kind read_compact_line(std::string_view line, trace_event& event);

}  // namespace lab
