// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/x86_64.hpp>

struct frames : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
};
struct pool {
    ashlar::result<ashlar::frame<>> allocate(ashlar::request<>) noexcept;
    ashlar::errc free(ashlar::frame<>, unsigned) noexcept;
};
struct without_level {
    void operator()(std::uint64_t) const noexcept;
};
template class ashlar::page_mapper<ashlar::x86_64, frames, pool, without_level>;
