// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/accepted.hpp>
#include <ashlar/source/list_buddy.hpp>

struct accepting : ashlar::platform {
    static ashlar::errc accept(ashlar::range<>) noexcept;
};

ashlar::accepted<ashlar::list_buddy<accepting>, ashlar::accept_shape{.attempts = 0}> zone;
