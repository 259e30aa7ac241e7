// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/copy_mover.hpp>

struct touchable : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
};
struct nobody {
    using space = ashlar::machine;
} users;
ashlar::copy_mover<nobody, ashlar::cpu_frame_copy<touchable>> mover(users);
