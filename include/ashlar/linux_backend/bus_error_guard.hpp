// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/mman.h>

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/linux_backend/taken_signal.hpp>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ashlar {

namespace detail {

/// A stretch whose bus errors are ours. One bit a page in `marks`: it was lost.
struct guarded_stretch {
    using word = builtin_atomic<std::uintptr_t>;
    static constexpr std::size_t word_bits = sizeof(std::uintptr_t) * 8;

    word begin{};  ///< 0: the slot is free
    word size{};
    word page{};  ///< bytes of one
    word lost{};  ///< how many marks are set
    // Written before `begin`, and not while somebody may touch the stretch.
    std::byte* first = nullptr;
    word* marks = nullptr;

    /// Read twice: a slot that changes its owner meanwhile has neither's address.
    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
        const std::uintptr_t known = begin.load(memory_order::acquire);
        return known != 0 && address - known < size.load(memory_order::acquire) &&
               begin.load(memory_order::relaxed) == known;
    }
    [[nodiscard]] std::uintptr_t page_of(std::uintptr_t address) const noexcept {
        return (address - begin.load(memory_order::acquire)) / page.load(memory_order::relaxed);
    }
    [[nodiscard]] word& mark(std::uintptr_t number) const noexcept { return marks[number / word_bits]; }
    [[nodiscard]] static std::uintptr_t bit(std::uintptr_t number) noexcept {
        return std::uintptr_t{1} << number % word_bits;
    }

    /// All ones instead of the page from now on. Whoever sets the mark first does it; the others try again,
    /// until it is done. Safe in a signal handler.
    [[nodiscard]] bool replace(std::uintptr_t address) noexcept {
        const std::uintptr_t number = page_of(address);
        if ((mark(number).fetch_or(bit(number), memory_order::acq_rel) & bit(number)) != 0) return true;
        (void)lost.fetch_add(1, memory_order::acq_rel);
        const std::size_t size_of_page = page.load(memory_order::relaxed);
        std::byte* const at = first + number * size_of_page;
        // Filled before it is there: nobody finds zeros.
        void* const ones =
            ::mmap(nullptr, size_of_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (ones != MAP_FAILED) {
            std::memset(ones, 0xff, size_of_page);
            if (::mremap(ones, size_of_page, size_of_page, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED)
                return true;
            (void)::munmap(ones, size_of_page);
        }
        (void)lost.fetch_add(~std::uintptr_t{0}, memory_order::acq_rel);
        (void)mark(number).fetch_and(~bit(number), memory_order::acq_rel);
        return false;
    }
};

/// What the one handler of the process knows. Constant-initialised, and never destroyed: errors may come
/// late.
struct bus_error_table {
    static constexpr unsigned slots = 64;
    static constexpr unsigned most_in_a_row = 100000;
    static inline guarded_stretch stretch[slots]{};
    /// A page that was replaced and fails again (memory is failing, too) must not go on for ever.
    static inline thread_local constinit unsigned in_a_row = 0;
    static inline thread_local constinit std::uintptr_t last = 0;

    static void on_error(int number, siginfo_t* info, void* context) noexcept {
        const int saved = errno;
        const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
        // BUS_MCEERR_AO is news of a page that nobody touched: its finder is told when somebody does.
        const bool touched =
            info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR || info->si_code == BUS_MCEERR_AR;
        if (!touched || !is_ours(address)) taken_signal<SIGBUS>::pass_on(number, info, context);
        errno = saved;
    }

 private:
    [[nodiscard]] static bool is_ours(std::uintptr_t address) noexcept {
        for (guarded_stretch& one : stretch) {
            if (!one.contains(address)) continue;
            in_a_row = last == address ? in_a_row + 1 : 0;
            last = address;
            return in_a_row < most_in_a_row && one.replace(address);
        }
        return false;
    }
};

}  // namespace detail

/// Makes bus errors of a stretch of this process's addresses what they are on a bus: a load of something that
/// is not there any more (a file that was cut, a device that went, a page with a memory error) gives all
/// ones, a store is lost, and the program goes on.
///
/// - The first touch of such a page raises SIGBUS; the handler puts a page of all ones in its place and marks
///   it. So accesses cost nothing, whoever makes them, through whatever pointer. Whether what was read was
///   real, `is_lost` tells afterwards. A store into the replaced page is only seen by this process.
/// - A page stays lost until the stretch is mapped and watched anew.
/// - Errors of other addresses, and those that no access caused, go to whom SIGBUS belonged before.
///
/// | word | written by | order |
/// |---|---|---|
/// | begin, and what it publishes | `watch`, `unwatch`, one at a time | release, acquire in the handler |
/// | a mark, lost | the handler, ahead of the page: who read its ones finds the mark | acq_rel |
///
/// Complexity: O(1) an access; an error costs a page fault and three calls. Context: thread, `watch` and
/// `unwatch` while nobody touches the stretch; accesses from any thread that does not block SIGBUS. System
/// calls that touch such a page say EFAULT, no signal comes. At most 64 stretches in a process. Failure:
/// `errc`, all as before. Source: sigaction(2), mremap(2), Linux Documentation/mm/hwpoison.
///
/// Example:
/// ```
/// ashlar::bus_error_guard guard;
/// (void)guard.watch(window.bytes(), 4096);
/// const std::uint64_t value = *place;                    // the file was cut: all ones, no signal
/// if (guard.is_lost(place, 8)) return ashlar::errc::unreadable;
/// ```
class bus_error_guard {
    using table = detail::bus_error_table;
    using signal = detail::taken_signal<SIGBUS>;
    using stretch_type = detail::guarded_stretch;

 public:
    bus_error_guard() noexcept = default;
    bus_error_guard(bus_error_guard&& other) noexcept
        : mine_(std::exchange(other.mine_, nullptr)), marks_(std::move(other.marks_)) {}
    bus_error_guard& operator=(bus_error_guard&& other) noexcept {
        if (this != &other) {
            unwatch();
            mine_ = std::exchange(other.mine_, nullptr);
            marks_ = std::move(other.marks_);
        }
        return *this;
    }
    ~bus_error_guard() { unwatch(); }

    /// Takes SIGBUS over, if that has not been done. `page_bytes`: of what is mapped there, a huge page's for
    /// huge pages; `misaligned` if the stretch is not whole pages. `limit` beyond 64 stretches, `busy` if it
    /// watches one.
    errc watch(view<std::byte> stretch, std::size_t page_bytes) noexcept {
        if (mine_ != nullptr) return errc::busy;
        if (stretch.empty() || page_bytes == 0) return errc::invalid;
        const auto begin = reinterpret_cast<std::uintptr_t>(stretch.data());
        if (begin % page_bytes != 0 || stretch.size() % page_bytes != 0) return errc::misaligned;
        mapped_region marks;
        const std::size_t words = (stretch.size() / page_bytes - 1) / stretch_type::word_bits + 1;
        if (const errc failed = marks.map_zeros(words * sizeof(stretch_type::word)); failed != errc::ok)
            return failed;
        const signal::entered alone;
        stretch_type* const free = signal::free_slot(table::stretch);
        if (free == nullptr) return errc::limit;
        if (const errc failed = signal::take(&table::on_error); failed != errc::ok) return failed;
        free->size.store(stretch.size(), memory_order::release);
        free->page.store(page_bytes, memory_order::relaxed);
        free->first = stretch.data();
        free->marks = static_cast<stretch_type::word*>(static_cast<void*>(marks.bytes().data()));
        free->lost.store(0, memory_order::relaxed);
        free->begin.store(begin, memory_order::release);
        marks_ = std::move(marks);
        mine_ = free;
        return errc::ok;
    }
    /// When nobody touches the stretch any more.
    void unwatch() noexcept {
        if (mine_ == nullptr) return;
        const signal::entered alone;
        mine_->begin.store(0, memory_order::release);
        mine_ = nullptr;
        marks_.reset();
        signal::give_back(&table::on_error);
    }

    [[nodiscard]] bool watches() const noexcept { return mine_ != nullptr; }
    /// How many pages were lost.
    [[nodiscard]] std::size_t lost_pages() const noexcept {
        return mine_ == nullptr ? 0 : mine_->lost.load(memory_order::acquire);
    }
    /// True if one of these bytes of the stretch, at least one, is of a page that was lost.
    [[nodiscard]] bool is_lost(const void* first, std::size_t count) const noexcept {
        if (mine_ == nullptr || mine_->lost.load(memory_order::acquire) == 0) return false;
        const auto address = reinterpret_cast<std::uintptr_t>(first);
        if (count == 0 || !mine_->contains(address) || !mine_->contains(address + count - 1)) return false;
        for (std::uintptr_t page = mine_->page_of(address); page <= mine_->page_of(address + count - 1);
             ++page) {
            if ((mine_->mark(page).load(memory_order::acquire) & stretch_type::bit(page)) != 0) return true;
        }
        return false;
    }

 private:
    stretch_type* mine_ = nullptr;
    mapped_region marks_{};
};

}  // namespace ashlar
