// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>

namespace ashlar::testing {

/// Whom observed atomics tell of every write; nobody, by default. One for the process: single-threaded tests.
struct write_observer {
    static inline void (*written)(void* context) = nullptr;
    static inline void* context = nullptr;

    static void tell() {
        if (written != nullptr) written(context);
    }
};

/// An atomic that tells `write_observer` after every write: a test sees the state at each point where a crash
/// may stop a CPU. Interface and meaning of `builtin_atomic`. Hosted, one thread.
template <class T>
class observed_atomic {
 public:
    using value_type = T;

    constexpr observed_atomic() noexcept = default;
    constexpr explicit observed_atomic(T value) noexcept : value_(value) {}

    [[nodiscard]] T load(memory_order) const noexcept { return value_; }
    void store(T value, memory_order) noexcept { write(value); }
    T exchange(T value, memory_order) noexcept { return write(value); }
    bool compare_exchange(T& expected, T desired, memory_order) noexcept {
        if (value_ != expected) {
            expected = value_;
            return false;
        }
        write(desired);
        return true;
    }
    T fetch_add(T operand, memory_order) noexcept { return write(static_cast<T>(value_ + operand)); }
    T fetch_or(T operand, memory_order) noexcept { return write(static_cast<T>(value_ | operand)); }
    T fetch_and(T operand, memory_order) noexcept { return write(static_cast<T>(value_ & operand)); }

 private:
    T write(T value) noexcept {
        const T old = value_;
        value_ = value;
        write_observer::tell();
        return old;
    }

    T value_ = 0;
};

}  // namespace ashlar::testing
