// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ashlar {

/// Constants of a `remap_table` or a `remap_hash`.
struct remap_shape {
    /// One bit of the filter stands for 2^filter_order origins. It says little once nearly every such stretch
    /// has an origin that is mapped.
    unsigned filter_order = 9;
    /// 32 or 64. A word holds an origin and its target: for 2^28 origins, 2^34 targets in 64 bits; for 2^20
    /// origins, 2^10 targets in 32.
    unsigned word_bits = sizeof(void*) >= 8 ? 64 : 32;
    /// `remap_table` only: a line of its tree has 2^line_order words. Larger lines make fewer steps and take
    /// more bytes.
    unsigned line_order = 2;

    [[nodiscard]] constexpr bool is_valid() const noexcept {
        return (word_bits == 32 || word_bits == 64) && filter_order < 32 && line_order >= 1 &&
               line_order <= 4;
    }
    [[nodiscard]] friend constexpr bool operator==(remap_shape, remap_shape) noexcept = default;
};

}  // namespace ashlar
