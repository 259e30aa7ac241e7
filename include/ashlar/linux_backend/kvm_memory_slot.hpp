// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A stretch of this process's addresses as memory of a KVM guest: one slot, which goes with its owner. A
/// guest frame is a page of the system. The slot says once where the guest's memory is in the process, and
/// where that is in the machine is the process's mapping: KVM follows it (MMU notifiers), so frames move
/// under a slot that never changes. With a log, KVM tells which frames vCPUs, and KVM itself, have written.
///
/// Context: thread, one at a time, vCPUs may run; the guest's memory is mapped as long as the slot lives.
/// Failure: `errc`, nothing changed. Source: Linux Documentation/virt/kvm/api.rst, 4.8 and 4.35.
///
/// Example:
/// ```
/// ashlar::kvm_memory_slot ram;
/// if (ram.set(vm, 0, {0}, memory.bytes()) != ashlar::errc::ok) return;  // page 0 is guest frame 0
/// (void)ram.log_writes(true);
/// std::uint64_t written[ashlar::kvm_memory_slot::log_words(64)];
/// (void)ram.fetch_written({written});                                   // bit i: guest frame i
/// ```
class kvm_memory_slot {
 public:
    kvm_memory_slot() noexcept = default;
    kvm_memory_slot(const kvm_memory_slot&) = delete;
    kvm_memory_slot& operator=(const kvm_memory_slot&) = delete;
    ~kvm_memory_slot() { reset(); }

    /// `vm` is the machine's descriptor, which outlives this; `first` the guest frame of the memory's first
    /// page. `busy` if set, `misaligned` if the memory is not whole pages, else what KVM says (a slot that
    /// overlaps: `invalid`).
    errc set(int vm, std::uint32_t slot, frame<guest> first, view<std::byte> memory) noexcept {
        if (vm_ >= 0) return errc::busy;
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
        if (memory.empty() || first.number > ~std::uint64_t{0} / page) return errc::invalid;
        if (address % page != 0 || memory.size() % page != 0) return errc::misaligned;
        ::kvm_userspace_memory_region region{};
        region.slot = slot;
        region.guest_phys_addr = first.number * page;
        region.memory_size = memory.size();
        region.userspace_addr = address;
        if (::ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0) return last_error();
        region_ = region;
        frames_ = {first, memory.size() / page};
        vm_ = vm;
        return errc::ok;
    }
    /// The guest has the memory no more: what it does there is an exit for MMIO.
    void reset() noexcept {
        if (vm_ < 0) return;
        region_.memory_size = 0;
        region_.flags = 0;
        (void)::ioctl(vm_, KVM_SET_USER_MEMORY_REGION, &region_);
        vm_ = -1;
        frames_ = {};
    }
    /// Begins or ends the log; the slot stays in place meanwhile.
    errc log_writes(bool on) noexcept {
        if (vm_ < 0) return errc::invalid;
        ::kvm_userspace_memory_region region = region_;
        region.flags = on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
        if (::ioctl(vm_, KVM_SET_USER_MEMORY_REGION, &region) != 0) return last_error();
        region_ = region;
        return errc::ok;
    }
    [[nodiscard]] bool logs_writes() const noexcept { return (region_.flags & KVM_MEM_LOG_DIRTY_PAGES) != 0; }
    /// Words of a log of that many frames.
    [[nodiscard]] static constexpr std::size_t log_words(std::uint64_t frames) noexcept {
        return static_cast<std::size_t>((frames + 63) / 64);
    }
    /// One bit for each frame of the slot, from the first on: written since the log began, or since the
    /// last fetch. A store that this does not tell, the next fetch will. `limit` for too few words,
    /// `invalid` without a log.
    errc fetch_written(view<std::uint64_t> words) const noexcept {
        if (vm_ < 0 || !logs_writes()) return errc::invalid;
        if (words.size() < log_words(frames_.count)) return errc::limit;
        ::kvm_dirty_log log{};
        log.slot = region_.slot;
        log.dirty_bitmap = words.data();
        return ::ioctl(vm_, KVM_GET_DIRTY_LOG, &log) == 0 ? errc::ok : last_error();
    }

    /// As the guest numbers them; empty if not set.
    [[nodiscard]] range<guest> frames() const noexcept { return frames_; }

 private:
    int vm_ = -1;
    ::kvm_userspace_memory_region region_{};
    range<guest> frames_{};
};

}  // namespace ashlar
