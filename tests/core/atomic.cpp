// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/core/atomic.hpp>
#include <ashlar/core/platform.hpp>
#include <cstdint>

using namespace ashlar;

namespace {

/// Every verb once; the word's last value. The same at compile time as at run time.
template <class T>
constexpr T every_verb() {
    builtin_atomic<T> word{5};
    T expected = 4;
    bool right = word.load(memory_order::acquire) == 5;
    right = right && !word.compare_exchange(expected, 9, memory_order::acq_rel) && expected == 5;
    right = right && word.compare_exchange(expected, 9, memory_order::release);
    right = right && word.exchange(12, memory_order::seq_cst) == 9;
    right = right && word.fetch_or(3, memory_order::relaxed) == 12;
    right = right && word.fetch_and(6, memory_order::acq_rel) == 15;
    right = right && word.fetch_add(static_cast<T>(-1), memory_order::relaxed) == 6;
    right = right && word.load(memory_order::seq_cst) == 5;
    word.store(static_cast<T>(right ? 77 : 0), memory_order::release);
    return word.load(memory_order::relaxed);
}

constinit builtin_atomic<std::uint64_t> global{3};

}  // namespace

TEST_CASE("each verb does what it says, at compile time and at run time") {
    static_assert(every_verb<std::uint32_t>() == 77);
    static_assert(every_verb<std::uint64_t>() == 77);
    CHECK(every_verb<std::uint8_t>() == 77);
    CHECK(every_verb<std::uint32_t>() == 77);
    CHECK(every_verb<std::uint64_t>() == 77);
    CHECK(global.load(memory_order::relaxed) == 3);
}

TEST_CASE("an atomic word is only its word") {
    static_assert(sizeof(builtin_atomic<std::uint64_t>) == 8);
    static_assert(atomics<platform> && cpu_local<platform>);
    static_assert(!frame_access<platform> && !ashlar::clock<platform>);
}
