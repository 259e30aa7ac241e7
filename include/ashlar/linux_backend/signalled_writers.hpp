// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/linux_backend/taken_signal.hpp>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

namespace ashlar {

namespace detail {

/// A stretch whose write faults are ours, and the part of it that is held now. `epoch` changes with each
/// hold and each release, and is what faulting threads sleep on.
struct watched_stretch {
    builtin_atomic<std::uintptr_t> begin{};  ///< 0: the slot is free
    builtin_atomic<std::uintptr_t> size{};
    builtin_atomic<std::uintptr_t> held{};
    builtin_atomic<std::uintptr_t> held_size{};  ///< 0: nothing is held
    builtin_atomic<std::uint32_t> epoch{};

    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
        const std::uintptr_t first = begin.load(memory_order::acquire);
        return first != 0 && address - first < size.load(memory_order::relaxed);
    }
    [[nodiscard]] bool holds(std::uintptr_t address) const noexcept {
        const std::uintptr_t bytes = held_size.load(memory_order::acquire);
        return address - held.load(memory_order::relaxed) < bytes;
    }
    void next_epoch() noexcept {
        (void)epoch.fetch_add(1, memory_order::acq_rel);
        (void)::syscall(SYS_futex, &epoch, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
    }
    /// Returns when `address` is not held. Safe in a signal handler.
    void wait_for(std::uintptr_t address) noexcept {
        for (;;) {
            const std::uint32_t now = epoch.load(memory_order::acquire);
            if (!holds(address)) return;
            (void)::syscall(SYS_futex, &epoch, FUTEX_WAIT_PRIVATE, now, nullptr, nullptr, 0);
        }
    }
};

/// What the one handler of the process knows. Constant-initialised, and never destroyed: faults may come
/// late.
struct write_fault_table {
    static constexpr unsigned slots = 16;
    static inline watched_stretch stretch[slots]{};

    /// A fault that we did not cause would come again and again: the third one in a row, at one address and
    /// with nothing held or released in between, goes to whom SIGSEGV belonged before.
    struct last_fault {
        std::uintptr_t address;
        std::uint32_t epoch;
        unsigned count;
    };
    static inline thread_local constinit last_fault last{0, 0, 0};

    static void on_fault(int number, siginfo_t* info, void* context) noexcept {
        const int saved = errno;
        const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
        if (number == SIGSEGV && info->si_code == SEGV_ACCERR && is_ours(address)) {
            errno = saved;
            return;  // to the store, which is tried again
        }
        taken_signal<SIGSEGV>::pass_on(number, info, context);
        errno = saved;
    }

 private:
    [[nodiscard]] static bool is_ours(std::uintptr_t address) noexcept {
        for (watched_stretch& one : stretch) {
            if (!one.contains(address)) continue;
            one.wait_for(address);
            const std::uint32_t epoch = one.epoch.load(memory_order::acquire);
            const bool again = last.address == address && last.epoch == epoch;
            last = {address, epoch, again ? last.count + 1 : 1};
            return last.count < 3;
        }
        return false;
    }
};

}  // namespace detail

/// Holds back the writers of a stretch of this process's addresses by mprotect, and a SIGSEGV handler that
/// waits and lets the store be tried again. Works on every Linux, without privileges.
///
/// - Between `hold` and `release` no store of any thread reaches the block's memory: mprotect returns after
///   each CPU that may have the page in its TLB has flushed it, so a store is either in the frame by then
///   or faults.
/// - What it does not hold: system calls that write into the block fail with EFAULT meanwhile (read(2) into
///   it), and so does KVM_RUN for a guest's store: the caller tries again after `wait_until_released`.
///   `userfault_writers` has neither. Other mappings of the same file are not looked at.
/// - The protection of the stretch is this object's: read and write while nothing is held. A fault in the
///   stretch that is not ours, and all others, go to whom SIGSEGV belonged before.
///
/// | word | written by | order |
/// |---|---|---|
/// | begin, size | `watch`, `unwatch` under the table's try-lock | release of begin, acquire in the handler |
/// | held, held_size | the one thread that holds | release of held_size, acquire in the handler |
/// | epoch | the same, after held_size: a sleeper that read the old hold is woken | acq_rel |
///
/// Complexity: O(1); two mprotect calls at most. Context: thread; one thread at a time holds; writers are
/// any threads that do not block SIGSEGV. At most 16 stretches in a process. Failure: `errc`, all as
/// before.
///
/// Example:
/// ```
/// ashlar::signalled_writers writers;
/// (void)writers.watch(memory.bytes());
/// if (writers.hold(memory.block_bytes(0)) == ashlar::errc::ok) {     // stores to page 0 wait from here on
///     writers.release(memory.block_bytes(0), false);                 // the page is where it was
/// }
/// ```
class signalled_writers {
    using table = detail::write_fault_table;
    using signal = detail::taken_signal<SIGSEGV>;

 public:
    signalled_writers() noexcept = default;
    signalled_writers(const signalled_writers&) = delete;
    signalled_writers& operator=(const signalled_writers&) = delete;
    ~signalled_writers() { unwatch(); }

    /// Takes SIGSEGV over, if that has not been done. `limit` beyond 16 stretches, `busy` if it watches
    /// one.
    errc watch(view<std::byte> stretch) noexcept {
        if (mine_ != nullptr) return errc::busy;
        if (stretch.empty()) return errc::invalid;
        const signal::entered alone;
        detail::watched_stretch* const free = signal::free_slot(table::stretch);
        if (free == nullptr) return errc::limit;
        if (const errc failed = signal::take(&table::on_fault); failed != errc::ok) return failed;
        free->size.store(stretch.size(), memory_order::relaxed);
        free->begin.store(address_of(stretch), memory_order::release);
        mine_ = free;
        return errc::ok;
    }
    /// When nobody writes to the stretch any more.
    void unwatch() noexcept {
        if (mine_ == nullptr) return;
        const signal::entered alone;
        mine_->begin.store(0, memory_order::release);
        mine_ = nullptr;
        signal::give_back(&table::on_fault);
    }

    /// From `ok` on nobody writes to `part`, whole pages of the stretch. `invalid` if it is not of the
    /// stretch, `busy` if another part is held.
    errc hold(view<std::byte> part) noexcept {
        if (mine_ == nullptr || part.empty() || !mine_->contains(address_of(part))) return errc::invalid;
        if (mine_->held_size.load(memory_order::relaxed) != 0) return errc::busy;
        mine_->held.store(address_of(part), memory_order::relaxed);
        mine_->held_size.store(part.size(), memory_order::release);
        mine_->next_epoch();
        if (::mprotect(part.data(), part.size(), PROT_READ) == 0) return errc::ok;
        const errc failed = last_error();
        release(part, false);  // the first pages of it may be held
        return failed;
    }
    /// `moved`: the part has been mapped anew, for writing. Else it is made writable again.
    void release(view<std::byte> part, bool moved) noexcept {
        if (!moved) (void)::mprotect(part.data(), part.size(), PROT_READ | PROT_WRITE);
        let_go();
    }
    /// For who got EFAULT out of a system call: returns when `address` is not held.
    void wait_until_released(const void* address) noexcept {
        if (mine_ != nullptr) mine_->wait_for(reinterpret_cast<std::uintptr_t>(address));
    }

 private:
    [[nodiscard]] static std::uintptr_t address_of(view<std::byte> part) noexcept {
        return reinterpret_cast<std::uintptr_t>(part.data());
    }
    void let_go() noexcept {
        mine_->held_size.store(0, memory_order::release);
        mine_->next_epoch();
    }

    detail::watched_stretch* mine_ = nullptr;
};

}  // namespace ashlar
