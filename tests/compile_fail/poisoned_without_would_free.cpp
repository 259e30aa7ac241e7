// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/poisoned.hpp>
#include <ashlar/source/bump.hpp>

struct poisonable : ashlar::platform {
    static void poison(ashlar::frame<>, std::uint64_t) noexcept;
    static void unpoison(ashlar::frame<>, std::uint64_t) noexcept;
};

ashlar::poisoned<ashlar::bump<poisonable>> zone;
