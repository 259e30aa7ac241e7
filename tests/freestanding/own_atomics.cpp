// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A processor without any atomic read-modify-write (Cortex-M0): the platform masks interrupts around plain
// words.
#include <ashlar/ashlar.hpp>

namespace ashlar {

/// While it lives nothing interrupts.
class interrupts_masked {
 public:
    interrupts_masked() noexcept { asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(before_) : : "memory"); }
    ~interrupts_masked() { asm volatile("msr primask, %0" : : "r"(before_) : "memory"); }

 private:
    std::uint32_t before_;
};

/// The interface of `builtin_atomic`, for one CPU. Loads and stores are inline there, too.
template <class T>
class masked_atomic {
 public:
    using value_type = T;

    constexpr masked_atomic() noexcept = default;
    constexpr explicit masked_atomic(T value) noexcept : word_(value) {}

    [[nodiscard]] constexpr T load(memory_order order) const noexcept { return word_.load(order); }
    constexpr void store(T value, memory_order order) noexcept { word_.store(value, order); }
    constexpr T exchange(T value, memory_order) noexcept {
        return change([value](T) { return value; });
    }
    constexpr bool compare_exchange(T& expected, T desired, memory_order) noexcept {
        const T wanted = expected;
        expected = change([=](T found) { return found == wanted ? desired : found; });
        return expected == wanted;
    }
    constexpr T fetch_add(T operand, memory_order) noexcept {
        return change([operand](T old) { return static_cast<T>(old + operand); });
    }
    constexpr T fetch_or(T operand, memory_order) noexcept {
        return change([operand](T old) { return static_cast<T>(old | operand); });
    }
    constexpr T fetch_and(T operand, memory_order) noexcept {
        return change([operand](T old) { return static_cast<T>(old & operand); });
    }

 private:
    template <class Function>
    constexpr T change(Function changed) noexcept {
        if (std::is_constant_evaluated()) return replace(changed);
        const interrupts_masked guard;
        return replace(changed);
    }
    template <class Function>
    constexpr T replace(Function changed) noexcept {
        const T old = word_.load(memory_order::relaxed);
        word_.store(changed(old), memory_order::relaxed);
        return old;
    }

    builtin_atomic<T> word_;
};

struct small_processor : platform {
    template <class T>
    using atomic = masked_atomic<T>;
};

template class bump<small_processor>;
template class locked<list_buddy<small_processor>>;
template class cpu_rows<counted<radix_buddy<small_processor>>>;
template class physical_memory<zone<cpu_rows<counted<radix_buddy<small_processor>>>>>;

}  // namespace ashlar
