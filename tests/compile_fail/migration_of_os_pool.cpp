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
struct os_platform : my_platform {
    using space = ashlar::os;
};
using os_pool = ashlar::physical_memory<ashlar::zone<ashlar::radix_buddy<os_platform>>>;

static_assert(sizeof(ashlar::migration<my_platform, table, os_pool>) != 0);
