// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// Holds back the writers of a part of this process's addresses in the kernel, by userfaultfd's write
/// protection (Linux 5.19 for shared memory). Whoever writes to a held part sleeps in his page fault until
/// it is released: a thread, a system call that stores into it, a vCPU of a guest whose slot it is. No
/// signal, no retry, nothing that a program or guest could notice but time.
///
/// - Between `hold` and `release` no store reaches the part's memory: write-protecting flushes the TLBs
///   before it returns, so a store is either in the frame by then or faults.
/// - A part is registered while it is held only: mapping it anew ends the registration, and who sleeps is
///   woken afterwards.
/// - Where the process may only handle faults of user mode (`holds_kernel()` false: no CAP_SYS_PTRACE, no
///   access to /dev/userfaultfd, vm.unprivileged_userfaultfd 0), system calls and vCPUs that store into a
///   held part fail with EFAULT or SIGBUS instead of sleeping.
///
/// Complexity: two ioctl calls each. Context: thread; one thread at a time holds, writers are any. Failure:
/// `errc`, all as before. Source: Linux Documentation/admin-guide/mm/userfaultfd.rst.
///
/// Example:
/// ```
/// ashlar::userfault_writers writers;
/// if (writers.open() != ashlar::errc::ok) return;                   // an older kernel
/// if (writers.hold(memory.block_bytes(0)) == ashlar::errc::ok) {    // stores to page 0 sleep
///     writers.release(memory.block_bytes(0), false);                // the page is where it was
/// }
/// ```
class userfault_writers {
 public:
    /// `unsupported` where the kernel has no write protection for shared memory, or does not let this
    /// process.
    errc open() noexcept {
        if (file_) return errc::busy;
        bool kernel = true;
        file_descriptor file(open_device());
        if (!file)
            file = file_descriptor(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
        if (!file) {
            kernel = false;
            const long got = ::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | user_mode_only);
            file = file_descriptor(static_cast<int>(got));
        }
        if (!file) return last_error();
        ::uffdio_api api{};
        api.api = UFFD_API;
        api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | protects_shared_memory;
        if (::ioctl(file.number(), UFFDIO_API, &api) != 0) return errc::unsupported;
        file_ = std::move(file);
        kernel_ = kernel;
        return errc::ok;
    }
    /// Whether system calls and vCPUs sleep, too.
    [[nodiscard]] bool holds_kernel() const noexcept { return kernel_; }

    /// From `ok` on nobody writes to `part`, whole pages of shared memory. `busy` if another userfaultfd
    /// has it.
    errc hold(view<std::byte> part) noexcept {
        ::uffdio_register added{};
        added.range = range_of(part);
        added.mode = UFFDIO_REGISTER_MODE_WP;
        if (::ioctl(file_.number(), UFFDIO_REGISTER, &added) != 0) return last_error();
        ::uffdio_writeprotect protect{};
        protect.range = range_of(part);
        protect.mode = UFFDIO_WRITEPROTECT_MODE_WP;
        if (::ioctl(file_.number(), UFFDIO_WRITEPROTECT, &protect) == 0) return errc::ok;
        const errc failed = last_error();
        release(part, false);
        return failed;
    }
    /// `moved`: the part has been mapped anew. Else its protection and registration end here.
    void release(view<std::byte> part, bool moved) noexcept {
        ::uffdio_range range = range_of(part);
        if (!moved) (void)::ioctl(file_.number(), UFFDIO_UNREGISTER, &range);
        // Who faulted is in the queue before the fault gives up the mapping's lock, so nobody is missed.
        (void)::ioctl(file_.number(), UFFDIO_WAKE, &range);
    }

 private:
    // linux/userfaultfd.h; the headers of kernels before 5.11 and 5.19 lack them.
    static constexpr int user_mode_only = 1;
    static constexpr std::uint64_t protects_shared_memory = std::uint64_t{1} << 12;

    /// Access to the device node is the permission to handle faults of the kernel (Linux 6.1).
    [[nodiscard]] static int open_device() noexcept {
#ifdef USERFAULTFD_IOC_NEW
        const file_descriptor device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
        if (device) return ::ioctl(device.number(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
#endif
        return -1;
    }
    [[nodiscard]] static ::uffdio_range range_of(view<std::byte> part) noexcept {
        return {reinterpret_cast<std::uintptr_t>(part.data()), part.size()};
    }

    file_descriptor file_{};
    bool kernel_ = false;
};

}  // namespace ashlar
