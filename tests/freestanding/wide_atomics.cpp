// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the allow-list has to find: 64-bit words where their atomics are calls to libatomic.
#include <ashlar/core/atomic.hpp>
#include <cstdint>

template class ashlar::builtin_atomic<std::uint64_t>;
