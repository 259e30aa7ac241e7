// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>

struct bare {
    using space = ashlar::machine;
    template <class T>
    using atomic = ashlar::builtin_atomic<T>;
};

ashlar::cpu_rows<ashlar::radix_buddy<bare>> zone;
