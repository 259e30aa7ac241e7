// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/pci_resource.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// All of a small file of a folder, in the caller's buffer. `limit` if it does not fit, else what the system
/// says. Thread context.
[[nodiscard]] inline result<view<const char>> read_sysfs_file(int folder, const char* name,
                                                              view<char> into) noexcept {
    const file_descriptor file(::openat(folder, name, O_RDONLY | O_CLOEXEC));
    if (!file) return last_error();
    std::size_t size = 0;
    while (size < into.size()) {
        const ::ssize_t got = ::read(file.number(), into.data() + size, into.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return last_error();
        if (got == 0) return view<const char>(into.data(), size);
        size += static_cast<std::size_t>(got);
    }
    return errc::limit;
}

/// A file that holds a hexadecimal number.
[[nodiscard]] inline result<std::uint64_t> read_sysfs_number_of(int folder, const char* name) noexcept {
    char text[32];
    const result<view<const char>> read = read_sysfs_file(folder, name, text);
    return read ? read_sysfs_number(*read) : result<std::uint64_t>(read.error());
}

/// Writes a word to a file of a folder, in one call, as sysfs wants it.
inline errc write_sysfs_file(int folder, const char* name, view<const char> text) noexcept {
    const file_descriptor file(::openat(folder, name, O_WRONLY | O_CLOEXEC));
    if (!file) return last_error();
    const ::ssize_t put = ::write(file.number(), text.data(), text.size());
    if (put < 0) return last_error();
    return static_cast<std::size_t>(put) == text.size() ? errc::ok : errc::unreadable;
}

}  // namespace ashlar
