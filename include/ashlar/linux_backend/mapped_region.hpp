// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/mman.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// A stretch of the process's addresses that is unmapped with its owner. Moves, does not copy. One thread
/// at a time; the bytes are anybody's.
class mapped_region {
 public:
    constexpr mapped_region() noexcept = default;
    mapped_region(mapped_region&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    mapped_region& operator=(mapped_region&& other) noexcept {
        if (this != &other) {
            reset();
            bytes_ = std::exchange(other.bytes_, {});
        }
        return *this;
    }
    ~mapped_region() { reset(); }

    /// `size` bytes of a file or device from `offset` on, shared with all who map it, readable and
    /// writable. Pages come as they are touched. `busy` if mapped already.
    errc map_file(int descriptor, std::uint64_t offset, std::size_t size) noexcept {
        return map(size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, offset);
    }
    /// Zeros, private to the process, that cost memory where they are touched.
    errc map_zeros(std::size_t size) noexcept {
        return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    /// Addresses that nobody may touch yet, from a multiple of `alignment` (a power of two) on. Both are
    /// whole pages.
    errc reserve(std::size_t size, std::size_t alignment) noexcept {
        if (size == 0 || alignment > SIZE_MAX - size) return errc::invalid;
        constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        if (const errc failed = map(size + alignment, PROT_NONE, flags, -1, 0); failed != errc::ok)
            return failed;
        const auto begin = reinterpret_cast<std::uintptr_t>(bytes_.data());
        const std::size_t before = (alignment - begin % alignment) % alignment;
        std::byte* const first = bytes_.data() + before;
        if (before != 0) (void)::munmap(bytes_.data(), before);
        if (before != alignment) (void)::munmap(first + size, alignment - before);
        bytes_ = {first, size};
        return errc::ok;
    }
    void reset() noexcept {
        if (!bytes_.empty()) (void)::munmap(bytes_.data(), bytes_.size());
        bytes_ = {};
    }

    [[nodiscard]] constexpr view<std::byte> bytes() const noexcept { return bytes_; }

 private:
    errc map(std::size_t size, int protection, int flags, int descriptor, std::uint64_t offset) noexcept {
        if (!bytes_.empty()) return errc::busy;
        if (size == 0) return errc::invalid;
        void* const at = ::mmap(nullptr, size, protection, flags, descriptor, static_cast<off_t>(offset));
        if (at == MAP_FAILED) return last_error();
        bytes_ = {static_cast<std::byte*>(at), size};
        return errc::ok;
    }

    view<std::byte> bytes_{};
};

}  // namespace ashlar
