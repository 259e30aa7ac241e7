// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/bump.hpp>

struct touchable : ashlar::platform {
    static constexpr unsigned frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
};

ashlar::scrubbed<ashlar::bump<touchable>, ashlar::scrub_shape{.on_free = true}> zone;
