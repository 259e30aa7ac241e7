// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::testing {

/// Pseudo-random words from a seed (splitmix64): the same on every machine.
class random_bits {
 public:
    constexpr explicit random_bits(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] constexpr std::uint64_t operator()() noexcept {
        state_ += 0x9e37'79b9'7f4a'7c15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9u;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebu;
        return z ^ (z >> 31);
    }

 private:
    std::uint64_t state_;
};

/// The words of a fuzzer's input, then zeros.
class input_bits {
 public:
    constexpr explicit input_bits(bytes input) noexcept : input_(input) {}

    [[nodiscard]] constexpr bool empty() const noexcept { return offset_ >= input_.size(); }
    [[nodiscard]] constexpr std::uint64_t operator()() noexcept {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < 8 && !empty(); ++i) {
            value |= std::to_integer<std::uint64_t>(input_[offset_++]) << (8 * i);
        }
        return value;
    }

 private:
    bytes input_;
    std::size_t offset_ = 0;
};

}  // namespace ashlar::testing
