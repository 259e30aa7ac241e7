// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

#include "lab/trace/trace_event.hpp"

namespace lab {

/// Reads a line of `perf script` (also of trace-cmd and of the kernel's own trace file):
///
///     perf-exec  1981 [001]   801.637803: kmem:mm_page_alloc: page=0x1741a7 pfn=0x1741a7 order=0
///         migratetype=0 gfp_flags=GFP_NOFS|__GFP_NOFAIL|__GFP_COMP|__GFP_HARDWALL
///     perf-exec  1981 [001]   801.638401: kmem:mm_page_free: page=0x115443 pfn=0x115443 order=0
///
/// Names of programs may hold spaces. A line without a CPU counts for CPU 0. Every other event is `other`:
/// mm_page_free_batched repeats what mm_page_free says, mm_page_alloc_zone_locked what mm_page_alloc says.
///
/// A block is a user's if the flags name GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE or GFP_TRANSHUGE: memory that the
/// kernel need not address itself, since it maps it into processes or keeps file contents for them.
/// Everything else is the kernel's, also the page cache that a file system fills under GFP_NOFS.
[[nodiscard]] line_kind read_perf_line(std::string_view line, trace_event& event);

}  // namespace lab
