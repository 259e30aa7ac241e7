// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <tbb/scalable_allocator.h>

#include <cstddef>

namespace bench {

/// The scalable allocator of oneTBB. Keeps a header before each large block, in a page of its own.
struct heap {
    [[nodiscard]] static void* allocate(std::size_t bytes, unsigned) {
        return scalable_aligned_malloc(bytes, bytes);
    }
    static void free(void* block, std::size_t, unsigned) { scalable_aligned_free(block); }
    /// What it keeps free to the system.
    static void give_back() { (void)scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr); }
};

}  // namespace bench
