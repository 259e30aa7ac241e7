// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstdint>
#include <utility>

namespace ashlar {

/// Memory that processes or virtual machines share: a file (in /dev/shm, on hugetlbfs, what is behind
/// ivshmem) or a memfd. A `device_source`, cached. All ones is a value of it; who cuts the file takes the
/// memory away (`unreadable`). `memory_file` is the one for banks of frames.
///
/// Context: thread. Failure: `busy` if open, `invalid` for no bytes, `unsupported` for what is no file,
/// `exhausted` for more than the pool of huge pages or the file system has, else as the system says.
///
/// ```
/// ashlar::shared_file memory;
/// ashlar::mapped_device<ashlar::shared_file> mapped;
/// (void)memory.create("shared", 1 << 20);
/// (void)mapped.map(std::move(memory));
/// ```
class shared_file {
 public:
    /// A memfd of zeros. `name` is for /proc/PID/maps; huge pages of 2^shift bytes.
    errc create(const char* name, std::uint64_t size, unsigned huge_page_shift = 0) noexcept {
        if (file_) return errc::busy;
        if (size == 0 || huge_page_shift >= 40) return errc::invalid;
        unsigned flags = MFD_CLOEXEC;
        if (huge_page_shift != 0) flags |= MFD_HUGETLB | (huge_page_shift << MAP_HUGE_SHIFT);
        file_descriptor made(::memfd_create(name, flags));
        if (!made) return last_error();
        const auto end = static_cast<off_t>(size);
        if (end < 0 || static_cast<std::uint64_t>(end) != size) return errc::invalid;
        if (::ftruncate(made.number(), end) != 0) return last_error();
        return adopt(std::move(made));
    }
    /// A file that is there, with the size that it has.
    errc open(const char* path) noexcept {
        if (file_) return errc::busy;
        file_descriptor opened(::open(path, O_RDWR | O_CLOEXEC));
        return opened ? adopt(std::move(opened)) : last_error();
    }
    /// One that somebody has opened or sent. Taken over, also when it fails.
    errc adopt(file_descriptor file) noexcept {
        if (file_) return errc::busy;
        struct stat status {};
        if (::fstat(file.number(), &status) != 0) return last_error();
        if (!S_ISREG(status.st_mode)) return errc::unsupported;
        if (status.st_size <= 0) return errc::invalid;
        page_bytes_ = page_bytes_of(file.number());
        size_ = static_cast<std::uint64_t>(status.st_size);
        piece_ = {0, 0, detail::whole_pages(size_, page_bytes_)};
        file_ = std::move(file);
        return errc::ok;
    }

    [[nodiscard]] device_layout layout() const noexcept {
        return {file_.number(), size_, 0, page_bytes_, caching_mode::cached, {&piece_, 1}};
    }
    [[nodiscard]] static bool is_present() noexcept { return true; }
    /// For who is to share it.
    [[nodiscard]] int descriptor() const noexcept { return file_.number(); }

 private:
    [[nodiscard]] static std::uint64_t page_bytes_of(int descriptor) noexcept {
        constexpr long hugetlbfs_magic = 0x958458f6;  // linux/magic.h
        struct statfs system {};
        if (::fstatfs(descriptor, &system) == 0 && static_cast<long>(system.f_type) == hugetlbfs_magic)
            return static_cast<std::uint64_t>(system.f_bsize);
        return detail::system_page_bytes();
    }

    file_descriptor file_{};
    device_piece piece_{};
    std::uint64_t size_ = 0;
    std::uint64_t page_bytes_ = 0;
};
static_assert(device_source<shared_file>);

}  // namespace ashlar
