// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASHLAR_TEST_HAS_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ASHLAR_TEST_HAS_ADDRESS_SANITIZER 1
#endif

// How long random histories are.
namespace ashlar::harness {

#ifdef ASHLAR_TEST_HAS_ADDRESS_SANITIZER
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif

/// Whether the long variants of the tests run.
inline bool is_long() {
    return std::getenv("ASHLAR_LONG") != nullptr;
}

/// `long_steps` in the long variant, else `steps`; of these an eighth with AddressSanitizer. What calls
/// answer is judged without it; with it histories are there for the accesses that they come by, each of them
/// many times.
inline std::uint64_t by_day(std::uint64_t steps, std::uint64_t long_steps) {
    if (is_long()) return long_steps;
    return address_sanitizer ? steps / 8 : steps;
}

}  // namespace ashlar::harness
