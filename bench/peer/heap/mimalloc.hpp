// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <mimalloc.h>

#include <cstddef>

namespace bench {

/// Microsoft's mimalloc. Keeps the list of free blocks in the blocks.
struct heap {
    [[nodiscard]] static void* allocate(std::size_t bytes, unsigned) {
        return mi_malloc_aligned(bytes, bytes);
    }
    static void free(void* block, std::size_t bytes, unsigned) { mi_free_size_aligned(block, bytes, bytes); }
    /// What it keeps free to the system.
    static void give_back() { mi_collect(true); }
};

}  // namespace bench
