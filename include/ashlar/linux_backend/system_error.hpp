// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <cerrno>

namespace ashlar {

/// What a system call's `errno` says in the words of the contract. Any context.
///
/// | errno | errc |
/// |---|---|
/// | EAGAIN, EBUSY, EINTR | `busy` |
/// | ENOMEM, ENOSPC, EFBIG | `exhausted`: memory, or room in the file system, is spent |
/// | EMFILE, ENFILE | `limit`: descriptors |
/// | EPERM, EACCES, EROFS, ENOSYS, EOPNOTSUPP, ENOTTY | `unsupported`: not here, or not for this process |
/// | EIO, EHWPOISON, EFAULT | `unreadable` |
/// | ENODEV, ENXIO, ENOENT | `revoked`: there is no such device, or no more |
/// | else | `invalid` |
[[nodiscard]] constexpr errc error_of(int number) noexcept {
    switch (number) {
        case EAGAIN:
        case EBUSY:
        case EINTR:
            return errc::busy;
        case ENOMEM:
        case ENOSPC:
        case EFBIG:
            return errc::exhausted;
        case EMFILE:
        case ENFILE:
            return errc::limit;
        case EPERM:
        case EACCES:
        case EROFS:
        case ENOSYS:
        case EOPNOTSUPP:
        case ENOTTY:
            return errc::unsupported;
        case EIO:
        case EHWPOISON:
        case EFAULT:
            return errc::unreadable;
        case ENODEV:
        case ENXIO:
        case ENOENT:
            return errc::revoked;
        default:
            return errc::invalid;
    }
}

/// Of the call that has just failed. The calling thread's.
[[nodiscard]] inline errc last_error() noexcept {
    return error_of(errno);
}

}  // namespace ashlar
