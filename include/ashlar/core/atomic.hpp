// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <type_traits>

namespace ashlar {

/// The orders of the C++ memory model.
enum class memory_order : int {
    relaxed = __ATOMIC_RELAXED,
    acquire = __ATOMIC_ACQUIRE,
    release = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
    seq_cst = __ATOMIC_SEQ_CST,
};

/// An atomic word over the compiler's builtins. `<atomic>` pulls in a libc on the compilers supported here,
/// so this is the only place that names the builtins; a platform may bring another template with this
/// interface (an exploring one in tests). During constant evaluation it is a plain variable.
///
/// `T` must be an unsigned integer whose read-modify-writes the target does inline. Any context.
template <class T>
class builtin_atomic {
    static_assert(std::is_unsigned_v<T>, "an atomic word is an unsigned integer");

 public:
    using value_type = T;

    constexpr builtin_atomic() noexcept = default;
    constexpr explicit builtin_atomic(T value) noexcept : value_(value) {}

    [[nodiscard]] constexpr T load(memory_order order) const noexcept {
        if (std::is_constant_evaluated()) return value_;
        return __atomic_load_n(&value_, static_cast<int>(order));
    }

    constexpr void store(T value, memory_order order) noexcept {
        if (std::is_constant_evaluated()) {
            value_ = value;
        } else {
            __atomic_store_n(&value_, value, static_cast<int>(order));
        }
    }

    constexpr T exchange(T value, memory_order order) noexcept {
        if (std::is_constant_evaluated()) {
            const T old = value_;
            value_ = value;
            return old;
        }
        return __atomic_exchange_n(&value_, value, static_cast<int>(order));
    }

    /// Strong. On failure `expected` receives the value found, read with the load half of `order`.
    constexpr bool compare_exchange(T& expected, T desired, memory_order order) noexcept {
        if (std::is_constant_evaluated()) {
            if (value_ == expected) {
                value_ = desired;
                return true;
            }
            expected = value_;
            return false;
        }
        return __atomic_compare_exchange_n(&value_, &expected, desired, false, static_cast<int>(order),
                                           static_cast<int>(load_half(order)));
    }

    constexpr T fetch_add(T operand, memory_order order) noexcept {
        if (std::is_constant_evaluated()) {
            const T old = value_;
            value_ = static_cast<T>(value_ + operand);
            return old;
        }
        return __atomic_fetch_add(&value_, operand, static_cast<int>(order));
    }

    constexpr T fetch_or(T operand, memory_order order) noexcept {
        if (std::is_constant_evaluated()) {
            const T old = value_;
            value_ = static_cast<T>(value_ | operand);
            return old;
        }
        return __atomic_fetch_or(&value_, operand, static_cast<int>(order));
    }

    constexpr T fetch_and(T operand, memory_order order) noexcept {
        if (std::is_constant_evaluated()) {
            const T old = value_;
            value_ = static_cast<T>(value_ & operand);
            return old;
        }
        return __atomic_fetch_and(&value_, operand, static_cast<int>(order));
    }

 private:
    [[nodiscard]] static constexpr memory_order load_half(memory_order order) noexcept {
        if (order == memory_order::acq_rel) return memory_order::acquire;
        if (order == memory_order::release) return memory_order::relaxed;
        return order;
    }

    T value_ = 0;
};

}  // namespace ashlar
