// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/remap_hash.hpp>

ashlar::remap_hash<ashlar::platform, ashlar::remap_shape{.word_bits = 16}> moved;
