// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/accepted.hpp>
#include <ashlar/source/list_buddy.hpp>

struct bare {
    using space = ashlar::machine;
    template <class T>
    using atomic = ashlar::builtin_atomic<T>;
    static ashlar::errc accept(ashlar::range<>) noexcept;
};

ashlar::accepted<ashlar::list_buddy<bare>> zone;
