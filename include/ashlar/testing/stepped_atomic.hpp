// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ashlar::testing {

/// One access to a shared word.
enum class access : std::uint8_t { load, store, exchange, compare_exchange, fetch_add, fetch_or, fetch_and };

/// Who decides when an access happens.
class scheduler {
 public:
    scheduler() = default;
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;
    virtual ~scheduler() = default;
    /// Returns when the access may happen.
    virtual void before(const void* word, access kind) = 0;
    /// It happened, and found or left `value`.
    virtual void after(const void* word, access kind, std::uint64_t value) = 0;

    /// The number of the program that runs.
    [[nodiscard]] virtual std::size_t running() const noexcept = 0;

    /// The scheduler of the running exploration, none outside one.
    inline static scheduler* current = nullptr;
};

/// An atomic word with the interface of `builtin_atomic` whose every access is one step of an exploration.
/// Sequentially consistent: the memory order is accepted and not used. Outside an exploration a plain
/// variable.
template <class T>
class stepped_atomic {
    static_assert(std::is_unsigned_v<T>, "an atomic word is an unsigned integer");

 public:
    using value_type = T;

    constexpr stepped_atomic() noexcept = default;
    constexpr explicit stepped_atomic(T value) noexcept : value_(value) {}

    [[nodiscard]] T load(memory_order) const noexcept {
        return step(access::load, [this] { return value_; });
    }
    void store(T value, memory_order) noexcept {
        (void)step(access::store, [this, value] { return value_ = value; });
    }
    T exchange(T value, memory_order) noexcept {
        return step(access::exchange, [this, value] { return replace(value); });
    }
    bool compare_exchange(T& expected, T desired, memory_order) noexcept {
        const T wanted = expected;
        expected = step(access::compare_exchange,
                        [this, wanted, desired] { return value_ == wanted ? replace(desired) : value_; });
        return expected == wanted;
    }
    T fetch_add(T operand, memory_order) noexcept {
        return step(access::fetch_add, [this, operand] { return replace(static_cast<T>(value_ + operand)); });
    }
    T fetch_or(T operand, memory_order) noexcept {
        return step(access::fetch_or, [this, operand] { return replace(static_cast<T>(value_ | operand)); });
    }
    T fetch_and(T operand, memory_order) noexcept {
        return step(access::fetch_and, [this, operand] { return replace(static_cast<T>(value_ & operand)); });
    }

 private:
    T replace(T value) noexcept {
        const T old = value_;
        value_ = value;
        return old;
    }
    template <class Act>
    T step(access kind, Act&& act) const noexcept {
        scheduler* const who = scheduler::current;
        if (who == nullptr) return act();
        who->before(this, kind);
        const T value = act();
        who->after(this, kind, value);
        return value;
    }

    T value_ = 0;
};

/// A platform whose atomics are stepped: the shipped templates run under an exploration unchanged.
struct stepped_platform : platform {
    template <class T>
    using atomic = stepped_atomic<T>;
};

}  // namespace ashlar::testing
