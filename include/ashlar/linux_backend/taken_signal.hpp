// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <csignal>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// A signal that a handler of ours has taken from whom it belonged to, while somebody needs it. One handler
/// a signal in a process.
///
/// - `pass_on` gives what is not ours to the handler of before, or does what would have been done without
///   ours. One that was put above ours, and ours above it again, gives it back: then it is for the one that
///   was there before both.
///
/// | word | written by | order |
/// |---|---|---|
/// | busy | who sets up or takes down | acq_rel to enter, release to leave |
/// | users, and what was before | who has entered; the handler reads the latter | ahead of its sigaction |
///
/// Context: `free_slot`, `take` and `give_back` in a thread that has `entered`; `pass_on` in the handler.
/// Source: sigaction(2), signal-safety(7).
template <int Signal>
class taken_signal {
 public:
    using handler = void (*)(int, siginfo_t*, void*);

    /// Setting up and taking down, one at a time.
    struct entered {
        entered() noexcept {
            std::uint32_t free = 0;
            while (!busy_.compare_exchange(free, 1, memory_order::acq_rel)) free = 0;
        }
        ~entered() { busy_.store(0, memory_order::release); }
        entered(const entered&) = delete;
        entered& operator=(const entered&) = delete;
    };

    /// The first slot of a handler's table that nobody has, its `begin` is 0; none if all are taken.
    template <class Slot, std::size_t Slots>
    [[nodiscard]] static Slot* free_slot(Slot (&table)[Slots]) noexcept {
        for (Slot& one : table)
            if (one.begin.load(memory_order::relaxed) == 0) return &one;
        return nullptr;
    }
    /// One who needs it more. Taken again if somebody else has taken it since.
    static errc take(handler ours) noexcept {
        struct sigaction now {};
        if (::sigaction(Signal, nullptr, &now) != 0) return last_error();
        if (!is(now, ours)) {
            struct sigaction wanted {};
            wanted.sa_sigaction = ours;
            wanted.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART;
            if (!is_below_) first_ = now;
            before_ = now;
            is_below_ = true;
            if (::sigaction(Signal, &wanted, nullptr) != 0) return last_error();
        }
        ++users_;
        return errc::ok;
    }
    /// The last one puts back what was before, unless somebody else has taken it since.
    static void give_back(handler ours) noexcept {
        if (--users_ != 0) return;
        struct sigaction now {};
        if (::sigaction(Signal, nullptr, &now) != 0 || !is(now, ours)) return;
        if (::sigaction(Signal, &before_, nullptr) == 0) is_below_ = false;
    }

    static void pass_on(int number, siginfo_t* info, void* context) noexcept {
        // Of one signal and deeper in the stack: the other handler had it in between. One that was left by a
        // jump is not deeper.
        const auto depth = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        const bool comes_back = passed_.context == context && depth < passed_.depth;
        passed_ = {context, depth};
        const struct sigaction& next = comes_back ? first_ : before_;
        if ((next.sa_flags & SA_SIGINFO) != 0 && next.sa_sigaction != nullptr) {
            next.sa_sigaction(number, info, context);
        } else if (next.sa_handler != SIG_DFL && next.sa_handler != SIG_IGN) {
            next.sa_handler(number);
        } else if (is_of_an_access(*info) || next.sa_handler == SIG_DFL) {
            // It ends the process as it would have: the access comes again, what was sent does not.
            struct sigaction ends {};
            ends.sa_handler = SIG_DFL;
            (void)::sigaction(number, &ends, nullptr);
            if (!is_of_an_access(*info)) (void)::raise(number);
        }
    }

 private:
    struct passed {
        const void* context;
        std::uintptr_t depth;
    };

    /// An access of this thread raised it, and is tried again if the handler returns; not a process, a timer,
    /// or the kernel with news of a page that nobody touched (BUS_MCEERR_AO).
    [[nodiscard]] static bool is_of_an_access(const siginfo_t& info) noexcept {
        return info.si_code > 0 && (Signal != SIGBUS || info.si_code != BUS_MCEERR_AO);
    }
    [[nodiscard]] static bool is(const struct sigaction& one, handler ours) noexcept {
        return (one.sa_flags & SA_SIGINFO) != 0 && one.sa_sigaction == ours;
    }

    // Constant-initialised, and never destroyed: signals may come late.
    static inline builtin_atomic<std::uint32_t> busy_{};
    static inline struct sigaction before_ {};
    static inline struct sigaction first_ {};  ///< the same, but for one that came above ours and went below
    static inline bool is_below_ = false;      ///< somebody may hand the signal on to ours
    static inline unsigned users_ = 0;
    static inline thread_local constinit passed passed_{nullptr, 0};
};

}  // namespace ashlar::detail
