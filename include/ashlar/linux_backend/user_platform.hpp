// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <ashlar/linux_backend/current_cpu.hpp>
#include <cstdint>
#include <thread>

namespace ashlar {

/// A platform for programs under Linux whose threads share a slot per CPU. `cpu_guard` is the empty one of
/// `platform`: a program cannot turn interrupts off, nothing keeps a thread on its CPU. So `cpu_rows` and
/// `cpu_magazines` want `slot_contract::shared`. The CPU's number is `current_cpu()`; it may be another one
/// by the time it is used, which costs speed, no more. CPUs beyond `MaxCpus` use the source. Any thread; not
/// from signal handlers that interrupt a verb, for a lock may be held.
///
/// ```
/// using frames = ashlar::cpu_rows<ashlar::radix_buddy<ashlar::cpu_platform<>>,
///                                 ashlar::rows_shape{.contract = ashlar::slot_contract::shared}>;
/// ```
template <cpu_id MaxCpus = 256>
struct cpu_platform : platform {
    [[nodiscard]] static cpu_id this_cpu() noexcept {
        const int cpu = current_cpu();
        return cpu < 0 ? MaxCpus : static_cast<cpu_id>(cpu);
    }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return MaxCpus; }
    static void relax() noexcept { std::this_thread::yield(); }
};

/// A platform for programs under Linux where each registered thread has a slot for itself, so that the
/// exclusive contract holds with an empty guard. Threads that are not registered, and those beyond
/// `MaxThreads`, use the source. Not from signal handlers that interrupt a verb.
///
/// ```
/// using frames = ashlar::cpu_rows<ashlar::radix_buddy<ashlar::thread_platform<>>>;
/// void worker() {
///     const ashlar::thread_platform<>::registration slot;      // before the first verb of the thread
///     (void)source.allocate({});
///     source.drain();                                          // as its last act
/// }
/// ```
template <cpu_id MaxThreads = 64>
struct thread_platform : platform {
    [[nodiscard]] static cpu_id this_cpu() noexcept { return slot_; }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return MaxThreads; }
    static void relax() noexcept { std::this_thread::yield(); }

    /// A slot for the calling thread while it lives. A thread that is registered already keeps its slot.
    class registration {
     public:
        registration() noexcept {
            if (slot_ < MaxThreads) return;
            for (cpu_id slot = 0; slot < MaxThreads; ++slot) {
                std::uint32_t expected = 0;
                if (taken_[slot].compare_exchange(expected, 1, memory_order::acq_rel)) {
                    slot_ = slot;
                    owner_ = true;
                    return;
                }
            }
        }
        ~registration() {
            if (!owner_) return;
            const cpu_id slot = slot_;
            slot_ = MaxThreads;
            taken_[slot].store(0, memory_order::release);
        }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;

     private:
        bool owner_ = false;
    };

 private:
    static inline thread_local cpu_id slot_ = MaxThreads;
    static inline builtin_atomic<std::uint32_t> taken_[MaxThreads]{};
};

}  // namespace ashlar
