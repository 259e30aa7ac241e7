// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/paging/aarch64.hpp>
#include <ashlar/paging/page_mapper.hpp>

struct small_frames : ashlar::platform {
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
using large_pages = ashlar::basic_aarch64<ashlar::aarch64_shape{.granule_shift = 16}>;
template class ashlar::page_mapper<large_pages, small_frames, pool, shootdown>;
