// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>

// Offers rows, but hides what a free would answer.
struct rows_only : ashlar::radix_buddy<ashlar::platform> {
    void would_free(ashlar::frame<>, unsigned) const = delete;
};

ashlar::cpu_rows<rows_only> zone;
