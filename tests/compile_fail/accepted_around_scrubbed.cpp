// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/accepted.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/radix_buddy.hpp>

struct touchable : ashlar::platform {
    static constexpr unsigned frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
    static void poison(ashlar::frame<>, std::uint64_t) noexcept;
    static void unpoison(ashlar::frame<>, std::uint64_t) noexcept;
    static ashlar::errc accept(ashlar::range<>) noexcept;
};

ashlar::accepted<ashlar::counted<ashlar::scrubbed<ashlar::radix_buddy<touchable>>>> zone;
