// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/source/list_buddy.hpp>

struct bare {
    using space = ashlar::machine;
    template <class T>
    using atomic = ashlar::builtin_atomic<T>;
};

ashlar::cpu_magazines<ashlar::list_buddy<bare>> zone;
