// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/x86_64.hpp>

struct frames : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<>) noexcept;
};
struct gives_only {
    ashlar::result<ashlar::frame<>> allocate(ashlar::request<>) noexcept;
};
struct shootdown {
    void operator()(std::uint64_t, unsigned) const noexcept;
};
template class ashlar::page_mapper<ashlar::x86_64, frames, gives_only, shootdown>;
