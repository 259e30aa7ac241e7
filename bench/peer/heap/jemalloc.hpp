// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <jemalloc/jemalloc.h>

#include <cstddef>
#include <string>

namespace bench {

/// jemalloc. By its own names: `malloc` and `free` in here are the C library's.
struct heap {
    [[nodiscard]] static void* allocate(std::size_t bytes, unsigned shift) {
        return mallocx(bytes, MALLOCX_LG_ALIGN(shift));
    }
    static void free(void* block, std::size_t bytes, unsigned shift) {
        sdallocx(block, bytes, MALLOCX_LG_ALIGN(shift));
    }
    /// What it keeps free to the system.
    static void give_back() {
        (void)mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
        const std::string purge = "arena." + std::to_string(MALLCTL_ARENAS_ALL) + ".purge";
        (void)mallctl(purge.c_str(), nullptr, nullptr, nullptr, 0);
    }
};

}  // namespace bench
