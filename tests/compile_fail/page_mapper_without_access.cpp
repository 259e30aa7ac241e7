// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/x86_64.hpp>

struct pool {
    ashlar::result<ashlar::frame<>> allocate(ashlar::request<>) noexcept;
    ashlar::errc free(ashlar::frame<>, unsigned) noexcept;
};
struct shootdown {
    void operator()(std::uint64_t, unsigned) const noexcept;
};
template class ashlar::page_mapper<ashlar::x86_64, ashlar::platform, pool, shootdown>;
