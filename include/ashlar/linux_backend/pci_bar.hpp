// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/pci_device.hpp>
#include <ashlar/linux_backend/pci_resource.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <cstdint>

namespace ashlar {

/// Memory behind a PCI BAR: `resourceN` of sysfs, or `resourceN_wc` for write combining. A `device_source`.
///
/// - A BAR smaller than a page, or between two of them, is mapped with the page around it, whose other bytes
///   may belong to other devices: only its own are accessible.
/// - It is present while the device answers in its configuration space and decodes memory.
///
/// Context: thread. Failure: `not_owned` for a BAR that there is not, `unsupported` for ports, for write
/// combining of memory that is not prefetchable, where the kernel maps no BARs, or without the right to do
/// it; `unreadable` if no address was given to the BAR, or the device does not decode it
/// (`pci_device::enable`), `corrupt` if the file has another size, `busy` if open.
class pci_bar {
 public:
    errc open(const pci_device& device, unsigned number,
              caching_mode caching = caching_mode::uncached) noexcept {
        if (file_) return errc::busy;
        const pci_resource bar = device.resource(number);
        if (number > 5 || bar.empty()) return errc::not_owned;
        if (!bar.has(pci_resource::memory) || caching == caching_mode::cached) return errc::unsupported;
        const bool combines = caching == caching_mode::write_combining;
        if (combines && !bar.has(pci_resource::prefetchable)) return errc::unsupported;
        if (bar.has(pci_resource::unset | pci_resource::disabled)) return errc::unreadable;
        const result<bool> decodes = device.decodes_memory();
        if (!decodes) return decodes.error();
        if (!*decodes) return errc::unreadable;
        char name[] = "resource0_wc";
        name[8] = static_cast<char>('0' + number);
        if (!combines) name[9] = '\0';
        file_descriptor file(::openat(device.folder(), name, O_RDWR | O_CLOEXEC));
        // The device is there: it is the kernel that does not have the file.
        if (!file) return last_error() == errc::revoked ? errc::unsupported : last_error();
        struct stat status {};
        if (::fstat(file.number(), &status) != 0) return last_error();
        if (static_cast<std::uint64_t>(status.st_size) != bar.bytes()) return errc::corrupt;
        file_descriptor config(::fcntl(device.config_file(), F_DUPFD_CLOEXEC, 0));
        if (!config) return last_error();
        const std::uint64_t page = detail::system_page_bytes();
        page_bytes_ = page;
        caching_ = caching;
        is_virtual_ = device.is_virtual_function();
        bar_ = bar;
        piece_ = {0, 0, detail::whole_pages(bar.start % page + bar.bytes(), page)};
        file_ = std::move(file);
        config_ = std::move(config);
        return errc::ok;
    }

    [[nodiscard]] device_layout layout() const noexcept {
        return {file_.number(), bar_.bytes(), page_bytes_ == 0 ? 0 : bar_.start % page_bytes_,
                page_bytes_,    caching_,     {&piece_, 1}};
    }
    [[nodiscard]] bool is_present() const noexcept {
        const auto command = detail::read_pci_config(config_.number(), detail::pci_header::command);
        if (!command || *command == 0xffff) return false;
        return is_virtual_ || (*command & detail::pci_header::memory_decode) != 0;
    }
    /// Where the bus has it: what other devices are told, and what windows of remote/ start from.
    [[nodiscard]] byte_range<machine> decoded() const noexcept { return {{bar_.start}, bar_.bytes()}; }

 private:
    file_descriptor file_{};
    file_descriptor config_{};
    pci_resource bar_{};
    device_piece piece_{};
    std::uint64_t page_bytes_ = 0;
    caching_mode caching_ = caching_mode::uncached;
    bool is_virtual_ = false;
};
static_assert(device_source<pci_bar>);

}  // namespace ashlar
