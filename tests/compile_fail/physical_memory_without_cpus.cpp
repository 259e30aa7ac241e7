// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>

struct bare {
    using space = ashlar::machine;
    template <class T>
    using atomic = ashlar::builtin_atomic<T>;
};

ashlar::physical_memory<ashlar::zone<ashlar::list_buddy<bare>>> ram;
