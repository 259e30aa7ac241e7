// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/sysfs_file.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstdint>
#include <utility>

namespace ashlar {

/// Memory that a UIO driver offers: /dev/uioN, as maps/mapM of /sys/class/uio/uioN describes it. A
/// `device_source`.
///
/// - `size` counts whole pages, `offset` says where in the first one the device begins.
/// - It is taken for device memory, which UIO maps uncached. (Memory that a driver allocated is cached; sysfs
///   does not tell, and the fences do no harm.)
/// - It is present while the folder in sysfs is.
///
/// Context: thread. Failure: `revoked` if there is no such device or map, `corrupt` for a description that
/// makes no sense, `busy` if open, else as the system says: mapping one whose `size` is not whole pages is
/// `invalid` (Linux drivers/uio/uio.c). Source: Linux
/// Documentation/driver-api/uio-howto.rst.
///
/// ```
/// ashlar::uio_map map;
/// (void)map.open("/sys/class/uio/uio0", "/dev/uio0", 1);
/// ```
class uio_map {
 public:
    static constexpr unsigned most_maps = 5;  ///< MAX_UIO_MAPS of linux/uio_driver.h

    errc open(const char* folder, const char* device, unsigned number) noexcept {
        if (file_) return errc::busy;
        if (number >= most_maps) return errc::revoked;
        file_descriptor uio(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!uio) return last_error();
        char name[] = "maps/map0";
        name[8] = static_cast<char>('0' + number);
        const file_descriptor map(::openat(uio.number(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!map) return last_error();
        const result<std::uint64_t> address = read_sysfs_number_of(map.number(), "addr");
        const result<std::uint64_t> size = read_sysfs_number_of(map.number(), "size");
        const result<std::uint64_t> offset = read_sysfs_number_of(map.number(), "offset");
        if (!address) return address.error();
        if (!size) return size.error();
        if (!offset) return offset.error();
        const std::uint64_t page = detail::system_page_bytes();
        if (*offset >= page || *size <= *offset || *size > ~std::uint64_t{0} - page) return errc::corrupt;
        file_descriptor file(::open(device, O_RDWR | O_CLOEXEC));
        if (!file) return last_error();
        file_ = std::move(file);
        folder_ = std::move(uio);
        page_bytes_ = page;
        lead_ = *offset;
        size_ = *size - *offset;
        address_ = *address;
        // The offset of mmap is which map it is, in pages.
        piece_ = {0, number * page, detail::whole_pages(*size, page)};
        return errc::ok;
    }

    [[nodiscard]] device_layout layout() const noexcept {
        return {file_.number(), size_, lead_, page_bytes_, caching_mode::uncached, {&piece_, 1}};
    }
    [[nodiscard]] bool is_present() const noexcept {
        return ::faccessat(folder_.number(), "maps", F_OK, 0) == 0;
    }
    /// `addr` of sysfs: physical, for device memory.
    [[nodiscard]] std::uint64_t address() const noexcept { return address_; }

 private:
    file_descriptor file_{};
    file_descriptor folder_{};
    device_piece piece_{};
    std::uint64_t page_bytes_ = 0;
    std::uint64_t lead_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t address_ = 0;
};
static_assert(device_source<uio_map>);

}  // namespace ashlar
