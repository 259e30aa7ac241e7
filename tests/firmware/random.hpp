// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <cstdlib>

namespace firmware_tests {

/// splitmix64: the same sequence everywhere.
class random {
 public:
    constexpr explicit random(std::uint64_t seed) noexcept : state_(seed) {}

    constexpr std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    /// Below `bound`.
    constexpr std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
    constexpr bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
    std::uint64_t state_;
};

/// `rounds`, or many more in the long variant of the tests.
inline unsigned rounds_of(unsigned rounds) {
    const char* const long_variant = std::getenv("ASHLAR_LONG");
    return long_variant != nullptr && long_variant[0] == '1' ? rounds * 50 : rounds;
}

}  // namespace firmware_tests
