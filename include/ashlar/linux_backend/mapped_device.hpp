// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/mman.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/bus_error_guard.hpp>
#include <ashlar/linux_backend/device_fences.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// A device's registers or memory at addresses of this process. `Source` says whose: a PCI BAR, a map of
/// UIO, a region of VFIO, physical addresses, a shared file.
///
/// - Two ways to access it. `load` and `store` check, and their failures are typed. `read32`, `write32` and
///   so on are `register_access` for the programs of remote/: what does not answer reads as all ones, and
///   takes what is stored without a word. Each is one access of the bus of that width, never split, merged or
///   repeated (64 bits on 32-bit processors: low half, then high half).
/// - Who has `bytes()` or `local()` accesses at the speed of the mapping. What went is all ones there, too,
///   and no signal: see `bus_error_guard`. Parts of a VFIO region that may not be mapped cannot be touched so
///   (SIGSEGV); `load` and `store` reach them by system calls.
/// - Order: accesses of one thread to an uncached device arrive in order. With write combining, and where
///   another device or server has to see it, `store_fence`; `read_back` waits until they have arrived.
///
/// Complexity: an access is O(1); one more load to see that no page was lost. Context: thread for `map` and
/// `unmap`, alone; accesses from any, but for all ones and unmapped parts, which may sleep.
/// Failure: `misaligned` to its size, `not_owned` beyond the end, `unreadable` for a page that went (SIGBUS),
/// `revoked` for all ones of a device that answers no more, `unsupported` for a part that neither is mapped
/// nor has system calls.
///
/// Example:
/// ```
/// ashlar::pci_device device;
/// ashlar::pci_bar bar;
/// ashlar::mapped_device<ashlar::pci_bar> registers;
/// (void)device.open("/sys/bus/pci/devices/0000:00:05.0");
/// (void)device.enable();
/// (void)bar.open(device, 0);
/// (void)registers.map(std::move(bar));
/// (void)registers.store<std::uint32_t>(0x10, 1);
/// const auto state = registers.load<std::uint32_t>(0x14);    // or `revoked`
/// ```
template <device_source Source>
class mapped_device {
 public:
    mapped_device() noexcept = default;
    mapped_device(mapped_device&&) noexcept = default;
    /// What was mapped is unmapped before, as by `unmap`.
    mapped_device& operator=(mapped_device&& other) noexcept {
        if (this == &other) return *this;
        unmap();
        source_ = std::move(other.source_);
        region_ = std::move(other.region_);
        guard_ = std::move(other.guard_);
        lead_ = std::exchange(other.lead_, 0);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    ~mapped_device() = default;

    /// All of the source, which is taken over; after a failure it is closed. `busy` if one is mapped (this
    /// source is left alone then), `invalid` if it is not open, `limit` if it is larger than the address
    /// space or 64 are mapped already (see `bus_error_guard`), else what mmap says.
    errc map(Source&& source) noexcept {
        if (is_mapped()) return errc::busy;
        mapped_device made;
        made.source_ = std::move(source);
        if (const errc failed = made.map_pieces(); failed != errc::ok) return failed;
        *this = std::move(made);
        return errc::ok;
    }
    /// When nobody accesses it any more.
    void unmap() noexcept {
        guard_.unwatch();
        region_.reset();
        source_ = Source{};
        lead_ = 0;
        size_ = 0;
    }

    [[nodiscard]] bool is_mapped() const noexcept { return !region_.bytes().empty(); }
    [[nodiscard]] std::uint64_t size() const noexcept { return bytes().size(); }
    [[nodiscard]] caching_mode caching() const noexcept { return source_.layout().caching; }
    [[nodiscard]] const Source& source() const noexcept { return source_; }
    [[nodiscard]] view<std::byte> bytes() const noexcept { return region_.bytes().subview(lead_, size_); }
    /// Where this process accesses the byte at `offset`: what windows call a local address.
    [[nodiscard]] byte_address<machine> local(std::uint64_t offset = 0) const noexcept {
        return {reinterpret_cast<std::uintptr_t>(bytes().data()) + offset};
    }
    /// Pages that are all ones because they went.
    [[nodiscard]] std::size_t lost_pages() const noexcept { return guard_.lost_pages(); }

    /// One load, and whether what it gave is to be believed.
    template <std::unsigned_integral T>
    [[nodiscard]] result<T> load(std::uint64_t offset) const noexcept {
        if (const errc wrong = check<T>(offset); wrong != errc::ok) return wrong;
        T value = 0;
        if (is_in_piece(offset)) {
            value = from<T>(offset);
            detail::loads_in_order();
            if (guard_.lost_pages() != 0 && guard_.is_lost(at(offset), sizeof(T))) return errc::unreadable;
        } else {
            const errc failed = transfer(offset, &value, sizeof(T), false);
            if (failed != errc::ok) return failed;
        }
        if (value == static_cast<T>(~T{0}) && !source_.is_present()) return errc::revoked;
        return value;
    }
    /// One store. `ok` says that it left, not that it arrived: see `read_back`.
    template <std::unsigned_integral T>
    errc store(std::uint64_t offset, T value) noexcept {
        if (const errc wrong = check<T>(offset); wrong != errc::ok) return wrong;
        if (!is_in_piece(offset)) return transfer(offset, &value, sizeof(T), true);
        to<T>(offset, value);
        return guard_.lost_pages() != 0 && guard_.is_lost(at(offset), sizeof(T)) ? errc::unreadable
                                                                                 : errc::ok;
    }
    /// All stores before it have arrived: a fence, a load of 32 bits from `offset`, which pushes them on, and
    /// a fence. Failure as for `load`.
    errc read_back(std::uint64_t offset) const noexcept {
        device_store_fence();
        const errc answer = load<std::uint32_t>(offset).error();
        device_load_fence();
        return answer;
    }

    /// As `register_access` has it; all ones for whatever goes wrong.
    [[nodiscard]] std::uint32_t read32(std::uint64_t offset) const noexcept {
        return read<std::uint32_t>(offset);
    }
    [[nodiscard]] std::uint64_t read64(std::uint64_t offset) const noexcept {
        return read<std::uint64_t>(offset);
    }
    void write32(std::uint64_t offset, std::uint32_t value) noexcept { (void)store(offset, value); }
    void write64(std::uint64_t offset, std::uint64_t value) noexcept { (void)store(offset, value); }
    void store_fence() const noexcept { device_store_fence(); }

 private:
    errc map_pieces() noexcept {
        const device_layout what = source_.layout();
        if (what.descriptor < 0 || what.bytes == 0 || what.lead >= what.page_bytes) return errc::invalid;
        if (what.bytes > SIZE_MAX / 2 - 2 * what.page_bytes) return errc::limit;
        const auto page = static_cast<std::size_t>(what.page_bytes);
        const auto total = static_cast<std::size_t>(detail::whole_pages(what.lead + what.bytes, page));
        if (const errc failed = region_.reserve(total, page); failed != errc::ok) return failed;
        for (const device_piece& piece : what.pieces) {
            if (piece.bytes == 0 || piece.at > total || piece.bytes > total - piece.at) return errc::corrupt;
            if (piece.at % page != 0 || piece.bytes % page != 0) return errc::misaligned;
            const auto offset = static_cast<off_t>(piece.file_offset);
            if (offset < 0 || static_cast<std::uint64_t>(offset) != piece.file_offset) return errc::limit;
            void* const place = region_.bytes().data() + piece.at;
            if (::mmap(place, static_cast<std::size_t>(piece.bytes), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_FIXED | MAP_NORESERVE, what.descriptor, offset) == MAP_FAILED) {
                return last_error();
            }
        }
        lead_ = static_cast<std::size_t>(what.lead);
        size_ = static_cast<std::size_t>(what.bytes);
        return guard_.watch(region_.bytes(), page);
    }

    template <class T>
    [[nodiscard]] errc check(std::uint64_t offset) const noexcept {
        if (offset % sizeof(T) != 0) return errc::misaligned;
        return offset < size() && sizeof(T) <= size() - offset ? errc::ok : errc::not_owned;
    }
    [[nodiscard]] bool is_in_piece(std::uint64_t offset) const noexcept {
        const device_layout what = source_.layout();
        bool found = false;
        for (const device_piece& piece : what.pieces)
            found = found || what.lead + offset - piece.at < piece.bytes;
        return found;
    }
    [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept {
        return region_.bytes().data() + lead_ + static_cast<std::size_t>(offset);
    }
    template <class T>
    [[nodiscard]] T from(std::uint64_t offset) const noexcept {
        if constexpr (sizeof(T) > sizeof(std::uintptr_t)) {
            const std::uint64_t low = from<std::uint32_t>(offset);
            return low | std::uint64_t{from<std::uint32_t>(offset + 4)} << 32;
        } else {
            return *reinterpret_cast<const volatile T*>(at(offset));
        }
    }
    template <class T>
    void to(std::uint64_t offset, T value) const noexcept {
        if constexpr (sizeof(T) > sizeof(std::uintptr_t)) {
            to(offset, static_cast<std::uint32_t>(value));
            to(offset + 4, static_cast<std::uint32_t>(value >> 32));
        } else {
            *reinterpret_cast<volatile T*>(at(offset)) = value;
        }
    }
    template <class T>
    [[nodiscard]] T read(std::uint64_t offset) const noexcept {
        const result<T> value = load<T>(offset);
        return value ? *value : static_cast<T>(~T{0});
    }
    [[nodiscard]] errc transfer(std::uint64_t offset, void* value, std::size_t count,
                                bool is_store) const noexcept {
        if constexpr (requires { source_.read(offset, value, count); }) {
            return is_store ? source_.write(offset, value, count) : source_.read(offset, value, count);
        } else {
            (void)offset, (void)value, (void)count, (void)is_store;
            return errc::unsupported;
        }
    }

    Source source_{};
    mapped_region region_{};
    bus_error_guard guard_{};
    std::size_t lead_ = 0;
    std::size_t size_ = 0;
};

}  // namespace ashlar
