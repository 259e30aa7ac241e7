// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ashlar::testing {

/// How a shared word is accessed. `owned` is an access to an `owned_cell`.
enum class access : std::uint8_t {
    load,
    store,
    exchange,
    compare_exchange,
    fetch_add,
    fetch_or,
    fetch_and,
    owned
};

/// One access to a shared word. `expected`: what a compare-exchange compares with; of an owned access,
/// whether it writes.
struct step {
    const void* word = nullptr;
    std::uint8_t bytes = 0;
    access kind = access::load;
    memory_order order = memory_order::relaxed;
    std::uint64_t operand = 0;
    std::uint64_t expected = 0;

    /// Reads and writes at once, if it writes.
    [[nodiscard]] constexpr bool is_update() const noexcept {
        return kind != access::load && kind != access::store && kind != access::owned;
    }
    [[nodiscard]] constexpr bool writes(std::uint64_t found) const noexcept {
        if (kind == access::owned) return expected != 0;
        return kind != access::load && (kind != access::compare_exchange || found == expected);
    }
    /// What is in the word afterwards.
    [[nodiscard]] constexpr std::uint64_t result(std::uint64_t found) const noexcept {
        switch (kind) {
            case access::load:
                return found;
            case access::compare_exchange:
                return found == expected ? operand : found;
            case access::fetch_add:
                return (found + operand) & (~std::uint64_t{0} >> (64 - 8 * bytes));
            case access::fetch_or:
                return found | operand;
            case access::fetch_and:
                return found & operand;
            case access::owned:
                return expected != 0 ? operand : found;
            default:
                return operand;
        }
    }
};

/// Who decides when an access happens, and what a load finds.
class scheduler {
 public:
    scheduler() = default;
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;
    virtual ~scheduler() = default;
    /// Returns what was found in the word, when the access has happened.
    virtual std::uint64_t perform(const step& next) = 0;
    /// The number of the program that runs.
    [[nodiscard]] virtual std::size_t running() const noexcept = 0;

    /// The scheduler of the running exploration, none outside one.
    inline static scheduler* current = nullptr;
};

/// An atomic word with the interface of `builtin_atomic` whose every access is one step of an exploration,
/// which decides what the memory order is worth. Outside an exploration a plain variable.
template <class T>
class stepped_atomic {
    static_assert(std::is_unsigned_v<T>, "an atomic word is an unsigned integer");

 public:
    using value_type = T;

    constexpr stepped_atomic() noexcept = default;
    constexpr explicit stepped_atomic(T value) noexcept : value_(value) {}

    [[nodiscard]] T load(memory_order order) const noexcept {
        const step next{&value_, sizeof(T), access::load, order};
        return scheduler::current == nullptr ? value_ : static_cast<T>(scheduler::current->perform(next));
    }
    void store(T value, memory_order order) noexcept { (void)change(access::store, value, order); }
    T exchange(T value, memory_order order) noexcept { return change(access::exchange, value, order); }
    bool compare_exchange(T& expected, T desired, memory_order order) noexcept {
        const T wanted = expected;
        expected = change(access::compare_exchange, desired, order, wanted);
        return expected == wanted;
    }
    T fetch_add(T operand, memory_order order) noexcept { return change(access::fetch_add, operand, order); }
    T fetch_or(T operand, memory_order order) noexcept { return change(access::fetch_or, operand, order); }
    T fetch_and(T operand, memory_order order) noexcept { return change(access::fetch_and, operand, order); }

 private:
    T change(access kind, T operand, memory_order order, T expected = 0) noexcept {
        const step next{&value_, sizeof(T), kind, order, operand, expected};
        if (scheduler::current != nullptr) return static_cast<T>(scheduler::current->perform(next));
        const T found = value_;
        value_ = static_cast<T>(next.result(found));
        return found;
    }

    T value_ = 0;
};

/// A plain value that one program at a time accesses, as whoever owns what it stands for: the bytes of a
/// frame, what a lock protects. In an exploration of weak memory two accesses, reads or not, of which neither
/// happens before the other, are a finding.
template <class T>
class owned_cell {
    static_assert(std::is_unsigned_v<T>, "an owned cell is an unsigned integer");

 public:
    [[nodiscard]] T get() const noexcept {
        const step next{&value_, sizeof(T), access::owned};
        return scheduler::current == nullptr ? value_ : static_cast<T>(scheduler::current->perform(next));
    }
    void set(T value) noexcept {
        const step next{&value_, sizeof(T), access::owned, memory_order::relaxed, value, 1};
        if (scheduler::current == nullptr) {
            value_ = value;
        } else {
            (void)scheduler::current->perform(next);
        }
    }

 private:
    T value_ = 0;
};

/// A platform whose atomics are stepped: the shipped templates run under an exploration unchanged.
struct stepped_platform : platform {
    template <class T>
    using atomic = stepped_atomic<T>;
};

}  // namespace ashlar::testing
