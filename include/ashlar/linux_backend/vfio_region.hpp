// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/pci_device.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/linux_backend/vfio_areas.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ashlar {

/// A region of a device that VFIO has given to this process, by the descriptor of the device (from its group,
/// or /dev/vfio/devices): for PCI, regions 0 to 5 are the BARs. A `device_source`.
///
/// - What may not be mapped (the MSI-X table) is accessed by read and write, and so are whole regions that
///   cannot be mapped.
/// - A PCI device is present while it answers in its configuration space; touching a BAR while it does not
///   decode memory is SIGBUS, which `mapped_device` tells.
/// - `decodes` and bus mastering: by writing to the configuration space, which is a region, too.
///
/// Context: thread. Failure: `busy` if open, `not_owned` for a region without a byte, `unsupported` for a
/// descriptor of something else, `limit` beyond 16 areas, `corrupt` for an answer that makes no sense, else
/// as the system says. Source: Linux Documentation/driver-api/vfio.rst, linux/vfio.h.
class vfio_region {
 public:
    static constexpr std::size_t most_areas = 16;

    errc open(int device, unsigned region) noexcept {
        if (file_) return errc::busy;
        file_descriptor file(::fcntl(device, F_DUPFD_CLOEXEC, 0));
        if (!file) return last_error();
        vfio_region made;
        if (const errc failed = ask(file.number(), region, made.shape_, made.pieces_); failed != errc::ok)
            return failed;
        if (made.shape_.bytes == 0) return errc::not_owned;
        device_piece unused[most_areas];
        vfio_region_shape config;
        if (ask(file.number(), VFIO_PCI_CONFIG_REGION_INDEX, config, unused) == errc::ok &&
            is_pci(file.number()))
            made.config_offset_ = config.file_offset;
        made.file_ = std::move(file);
        *this = std::move(made);
        return errc::ok;
    }

    [[nodiscard]] device_layout layout() const noexcept {
        return {file_.number(),         shape_.bytes,           0, detail::system_page_bytes(),
                caching_mode::uncached, {pieces_, shape_.areas}};
    }
    [[nodiscard]] bool is_present() const noexcept {
        if (config_offset_ == no_config) return true;
        unsigned char vendor[2];
        const ::ssize_t got = ::pread(file_.number(), vendor, 2, static_cast<off_t>(config_offset_));
        return got == 2 && (vendor[0] != 0xff || vendor[1] != 0xff);
    }
    errc read(std::uint64_t offset, void* into, std::size_t count) const noexcept {
        if (!shape_.is_readable) return errc::unsupported;
        const ::ssize_t got = ::pread(file_.number(), into, count, place(offset));
        if (got < 0) return last_error();
        return static_cast<std::size_t>(got) == count ? errc::ok : errc::unreadable;
    }
    errc write(std::uint64_t offset, const void* from, std::size_t count) const noexcept {
        if (!shape_.is_writable) return errc::unsupported;
        const ::ssize_t put = ::pwrite(file_.number(), from, count, place(offset));
        if (put < 0) return last_error();
        return static_cast<std::size_t>(put) == count ? errc::ok : errc::unreadable;
    }

 private:
    static constexpr std::uint64_t no_config = ~std::uint64_t{0};

    [[nodiscard]] off_t place(std::uint64_t offset) const noexcept {
        return static_cast<off_t>(shape_.file_offset + offset);
    }
    [[nodiscard]] static bool is_pci(int device) noexcept {
        struct vfio_device_info about {};
        about.argsz = sizeof about;
        return ::ioctl(device, VFIO_DEVICE_GET_INFO, &about) == 0 &&
               (about.flags & VFIO_DEVICE_FLAGS_PCI) != 0;
    }
    static errc ask(int device, unsigned region, vfio_region_shape& shape,
                    view<device_piece> pieces) noexcept {
        alignas(vfio_region_info) std::byte answer[4096];
        vfio_region_info info{};
        info.argsz = sizeof answer;  // room for the capabilities
        info.index = region;
        std::memset(answer, 0, sizeof answer);
        std::memcpy(answer, &info, sizeof info);
        if (::ioctl(device, VFIO_DEVICE_GET_REGION_INFO, answer) != 0) return last_error();
        std::memcpy(&info, answer, sizeof info);
        if (info.argsz > sizeof answer) return errc::limit;
        const std::size_t size = info.argsz < sizeof info ? sizeof info : info.argsz;
        const auto read = read_vfio_region({answer, size}, detail::system_page_bytes(), pieces);
        if (!read) return read.error();
        shape = *read;
        return errc::ok;
    }

    file_descriptor file_{};
    vfio_region_shape shape_{};
    device_piece pieces_[most_areas]{};
    std::uint64_t config_offset_ = no_config;
};
static_assert(device_source<vfio_region>);

}  // namespace ashlar
