// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/page_table_mover.hpp>
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/riscv.hpp>

struct frames : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
};
struct pool {
    ashlar::result<ashlar::frame<>> allocate(ashlar::request<>) noexcept;
    ashlar::errc free(ashlar::frame<>, unsigned) noexcept;
};
struct shootdown {
    void operator()(std::uint64_t, unsigned) const noexcept;
};
struct directory {
    using space = ashlar::machine;
    ashlar::result<std::uint64_t> address_of(ashlar::frame<>);
    bool pinned(ashlar::frame<>, unsigned);
    void moved(std::uint64_t, ashlar::frame<>, ashlar::frame<>, unsigned);
};
// RISC-V has two software bits.
using pages = ashlar::page_mapper<ashlar::sv39, frames, pool, shootdown>;
template class ashlar::page_table_mover<pages, directory, ashlar::cpu_frame_copy<frames>, 4>;
