// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// The registers of a bridge: how they are reached is the user's (memory-mapped, configuration space).
///
/// - Offsets are bytes from the start of the register block; an access is aligned to its size and made once.
/// - Writes may be posted; a read sees every write before it of the same caller, and makes it take effect.
/// - `write64` is one access, or low half, then high half, where the bus has no other.
/// - `store_fence`: stores before it leave the CPU, write-combining buffers too, before any after it.
///
/// All ones is what is read where nothing answers: the programs here take it for a device that is gone.
template <class R>
concept register_access = requires(R registers, std::uint64_t offset, std::uint32_t half,
                                   std::uint64_t value) {
    { registers.read32(offset) } -> std::same_as<std::uint32_t>;
    { registers.read64(offset) } -> std::same_as<std::uint64_t>;
    registers.write32(offset, half);
    registers.write64(offset, value);
    registers.store_fence();
};

/// Nothing answered.
[[nodiscard]] constexpr bool all_ones(std::uint32_t value) noexcept {
    return value == ~std::uint32_t{0};
}
/// True for what a read gives that nothing answers, 64 bits wide. Any context.
[[nodiscard]] constexpr bool all_ones(std::uint64_t value) noexcept {
    return value == ~std::uint64_t{0};
}

namespace detail {

/// `ok` if a register reads as it should, `revoked` if nothing answers, else `corrupt`.
template <class Value>
[[nodiscard]] constexpr errc expect(Value found, Value wanted) noexcept {
    if (found == wanted) return errc::ok;
    return all_ones(found) ? errc::revoked : errc::corrupt;
}

}  // namespace detail
}  // namespace ashlar
