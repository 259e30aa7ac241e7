// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/pci_resource.hpp>
#include <ashlar/linux_backend/sysfs_file.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

namespace detail {

/// 16 bits of a configuration space, little-endian in the file.
[[nodiscard]] inline result<std::uint16_t> read_pci_config(int file, unsigned offset) noexcept {
    unsigned char both[2];
    const ::ssize_t got = ::pread(file, both, sizeof both, static_cast<off_t>(offset));
    if (got < 0) return last_error();
    if (got != 2) return errc::unreadable;
    return static_cast<std::uint16_t>(both[0] | both[1] << 8);
}
inline errc write_pci_config(int file, unsigned offset, std::uint16_t value) noexcept {
    const unsigned char both[2] = {static_cast<unsigned char>(value & 0xff),
                                   static_cast<unsigned char>(value >> 8)};
    const ::ssize_t put = ::pwrite(file, both, sizeof both, static_cast<off_t>(offset));
    if (put < 0) return last_error();
    return put == 2 ? errc::ok : errc::unreadable;
}

/// Places and bits of PCI's header.
struct pci_header {
    static constexpr unsigned vendor = 0x00;
    static constexpr unsigned device = 0x02;
    static constexpr unsigned command = 0x04;
    static constexpr std::uint16_t memory_decode = 1 << 1;
    static constexpr std::uint16_t bus_master = 1 << 2;
};

}  // namespace detail

/// A PCI device by its folder in sysfs: what it decodes, and the switches that make it answer.
///
/// - `enable` counts: Linux keeps the device on until each was taken back by `disable`; those of an object
///   are taken back with it. A device that a driver has is the driver's: `busy`.
/// - An address that is not decoded reads as all ones. `enable` sets the decode bit; `set_decode` and
///   `set_bus_master` are for devices that are on already.
/// - A virtual function (SR-IOV) has no identity and no decode bit in its own header: Linux tells the former,
///   and where it shows the function at all, its memory is decoded.
///
/// Context: thread, one at a time. Failure: `revoked` for a device that is not there (any more),
/// `unsupported` without the right to do it (CAP_SYS_ADMIN), `not_owned` if none is open, else as the system
/// says. Source: Linux Documentation/PCI/sysfs-pci.rst; PCI Local Bus 3.0, 6.2 "Configuration Space
/// Functions"; SR-IOV 1.1, 3.4.1 "Type 0 Configuration Space Header".
///
/// Example: see `mapped_device`.
class pci_device {
 public:
    pci_device() noexcept = default;
    pci_device(pci_device&& other) noexcept { *this = std::move(other); }
    pci_device& operator=(pci_device&& other) noexcept {
        if (this == &other) return *this;
        close();
        folder_ = std::move(other.folder_);
        config_ = std::move(other.config_);
        for (std::size_t i = 0; i < most_pci_resources; ++i) resources_[i] = other.resources_[i];
        count_ = std::exchange(other.count_, 0);
        enabled_ = std::exchange(other.enabled_, 0);
        return *this;
    }
    ~pci_device() { close(); }

    /// "/sys/bus/pci/devices/0000:00:05.0". `busy` if open; `corrupt` if its resources make no sense.
    errc open(const char* folder) noexcept {
        if (folder_) return errc::busy;
        file_descriptor opened(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!opened) return last_error();
        char text[most_pci_resources * 57 + 1];
        const auto read = read_sysfs_file(opened.number(), "resource", text);
        if (!read) return read.error();
        const result<std::size_t> count = read_pci_resources(*read, resources_);
        if (!count) return count.error();
        file_descriptor config(::openat(opened.number(), "config", O_RDWR | O_CLOEXEC));
        if (!config) config = file_descriptor(::openat(opened.number(), "config", O_RDONLY | O_CLOEXEC));
        if (!config) return last_error();
        folder_ = std::move(opened);
        config_ = std::move(config);
        count_ = *count;
        return errc::ok;
    }
    void close() noexcept {
        while (enabled_ != 0 && disable() == errc::ok) {
        }
        enabled_ = 0;
        count_ = 0;
        config_.reset();
        folder_.reset();
    }

    /// BAR 0 to 5, 6 is the ROM; an empty one for what there is not. As it was when the device was opened.
    [[nodiscard]] pci_resource resource(unsigned number) const noexcept {
        return number < count_ ? resources_[number] : pci_resource{};
    }
    [[nodiscard]] std::size_t resources() const noexcept { return count_; }

    /// Whether somebody has switched it on.
    [[nodiscard]] result<bool> is_enabled() const noexcept {
        if (!folder_) return errc::not_owned;
        char text[16]{};
        const auto read = read_sysfs_file(folder_.number(), "enable", text);
        if (!read) return read.error();
        if (read->empty() || (*read)[0] < '0' || (*read)[0] > '9') return errc::corrupt;
        return (*read)[0] != '0';
    }
    errc enable() noexcept { return count_enable(true); }
    errc disable() noexcept { return count_enable(false); }

    /// One of several functions that its physical function shows.
    [[nodiscard]] bool is_virtual_function() const noexcept {
        return folder_ && ::faccessat(folder_.number(), "physfn", F_OK, 0) == 0;
    }
    /// It answers at its memory addresses.
    [[nodiscard]] result<bool> decodes_memory() const noexcept {
        const result<std::uint16_t> command = config(detail::pci_header::command);
        if (!command) return command.error();
        if (*command == 0xffff) return errc::revoked;
        return (*command & detail::pci_header::memory_decode) != 0 || is_virtual_function();
    }
    errc set_decode(bool on) noexcept { return set_command(detail::pci_header::memory_decode, on); }
    /// It may access memory by itself: without it, DMA does not happen.
    errc set_bus_master(bool on) noexcept { return set_command(detail::pci_header::bus_master, on); }

    [[nodiscard]] result<std::uint16_t> vendor_id() const noexcept {
        return identity(detail::pci_header::vendor, "vendor");
    }
    [[nodiscard]] result<std::uint16_t> device_id() const noexcept {
        return identity(detail::pci_header::device, "device");
    }

    /// Of the folder, and of the configuration space; negative if none is open.
    [[nodiscard]] int folder() const noexcept { return folder_.number(); }
    [[nodiscard]] int config_file() const noexcept { return config_.number(); }

 private:
    [[nodiscard]] result<std::uint16_t> config(unsigned offset) const noexcept {
        if (!config_) return errc::not_owned;
        return detail::read_pci_config(config_.number(), offset);
    }
    [[nodiscard]] result<std::uint16_t> identity(unsigned offset, const char* file) const noexcept {
        if (!is_virtual_function()) return config(offset);
        const result<std::uint64_t> told = read_sysfs_number_of(folder_.number(), file);
        if (!told) return told.error();
        if (*told > 0xffff) return errc::corrupt;
        return static_cast<std::uint16_t>(*told);
    }
    errc count_enable(bool on) noexcept {
        if (!folder_) return errc::not_owned;
        const char text[] = {on ? '1' : '0'};
        const errc answer = write_sysfs_file(folder_.number(), "enable", text);
        if (answer != errc::ok) return answer;
        if (on) ++enabled_;
        if (!on && enabled_ != 0) --enabled_;
        return errc::ok;
    }
    errc set_command(std::uint16_t bit, bool on) noexcept {
        const result<std::uint16_t> now = config(detail::pci_header::command);
        if (!now) return now.error();
        if (*now == 0xffff) return errc::revoked;
        const auto wanted = static_cast<std::uint16_t>(on ? *now | bit : *now & ~bit);
        const errc put = detail::write_pci_config(config_.number(), detail::pci_header::command, wanted);
        if (put != errc::ok) return put;
        const result<std::uint16_t> then = config(detail::pci_header::command);
        if (!then) return then.error();
        return *then == wanted ? errc::ok : errc::unreadable;
    }

    file_descriptor folder_{};
    file_descriptor config_{};
    pci_resource resources_[most_pci_resources]{};
    std::size_t count_ = 0;
    unsigned enabled_ = 0;  ///< what has to be taken back
};

}  // namespace ashlar
