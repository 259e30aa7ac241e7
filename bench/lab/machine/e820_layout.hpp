// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/firmware/e820.hpp>
#include <cstddef>

namespace lab {

/// How raw E820 entries lie in a file that does not say it.
struct e820_layout {
    std::size_t stride = 20;
    ashlar::e820_extra extra = ashlar::e820_extra::attributes;
    bool plausible = false;  ///< most entries look like entries
};

/// The stride, 20 or 24, under which more entries make sense. Entries of 24 bytes whose last four are all
/// zero are padded ones (PVH): as attributes they would disable every entry.
[[nodiscard]] e820_layout find_e820_layout(ashlar::bytes content);

}  // namespace lab
