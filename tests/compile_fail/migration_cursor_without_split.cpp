// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/migration.hpp>
#include <ashlar/migrate/remap_table.hpp>
#include <ashlar/source/radix_buddy.hpp>

struct my_platform : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
};
using table = ashlar::remap_table<my_platform>;
using pool = ashlar::physical_memory<ashlar::zone<ashlar::radix_buddy<my_platform>>>;
/// It can hold writes, no more.
struct slot_path {
    ashlar::errc hold(const ashlar::frame_move&) noexcept;
    ashlar::errc point(ashlar::frame<ashlar::os>, ashlar::frame<>) noexcept;
    void release(const ashlar::frame_move&) noexcept;
};

static_assert(sizeof(ashlar::migration<my_platform, table, pool, ashlar::copy_cursor<>, slot_path>) != 0);
