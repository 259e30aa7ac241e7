// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/allocate_contiguous.hpp>
#include <ashlar/testing/naive_bitmap.hpp>

ashlar::errc three_frames(ashlar::testing::naive_bitmap<>& source) {
    return ashlar::allocate_contiguous(source, {.count = 3}).error();
}
