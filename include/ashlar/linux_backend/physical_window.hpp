// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <cstdint>
#include <utility>

namespace ashlar {

/// Physical addresses through /dev/mem, or an image of a machine's memory, whose offsets are addresses. A
/// `device_source`, always present. Kernels with CONFIG_STRICT_DEVMEM leave only what is no memory of theirs,
/// and no driver's.
///
/// `uncached` opens it with O_SYNC; without, the kernel decides by what is there. Context: thread. Failure:
/// `invalid` for no bytes, or some beyond 64 bits, `unsupported` for write combining, or without the right to
/// do it (mapping may say so, too), `busy` if open, else as the system says. Source: mem(4).
///
/// ```
/// ashlar::physical_window hpet;
/// (void)hpet.open({{0xfed0'0000}, 0x400});
/// ```
class physical_window {
 public:
    errc open(byte_range<machine> wanted, caching_mode caching = caching_mode::uncached,
              const char* file = "/dev/mem") noexcept {
        if (file_) return errc::busy;
        if (wanted.empty() || wanted.wraps()) return errc::invalid;
        if (caching == caching_mode::write_combining) return errc::unsupported;
        const std::uint64_t page = detail::system_page_bytes();
        const std::uint64_t lead = wanted.first.value % page;
        if (wanted.bytes > ~std::uint64_t{0} - 2 * page) return errc::invalid;
        const int sync = caching == caching_mode::uncached ? O_SYNC : 0;
        file_descriptor opened(::open(file, O_RDWR | O_CLOEXEC | sync));
        if (!opened) return last_error();
        file_ = std::move(opened);
        wanted_ = wanted;
        page_bytes_ = page;
        caching_ = caching;
        piece_ = {0, wanted.first.value - lead, detail::whole_pages(lead + wanted.bytes, page)};
        return errc::ok;
    }

    [[nodiscard]] device_layout layout() const noexcept {
        return {file_.number(), wanted_.bytes, wanted_.first.value - piece_.file_offset,
                page_bytes_,    caching_,      {&piece_, 1}};
    }
    [[nodiscard]] static bool is_present() noexcept { return true; }
    [[nodiscard]] byte_range<machine> decoded() const noexcept { return wanted_; }

 private:
    file_descriptor file_{};
    byte_range<machine> wanted_{};
    device_piece piece_{};
    std::uint64_t page_bytes_ = 0;
    caching_mode caching_ = caching_mode::uncached;
};
static_assert(device_source<physical_window>);

}  // namespace ashlar
