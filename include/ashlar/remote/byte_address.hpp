// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <compare>
#include <cstdint>

namespace ashlar {

/// An address in bytes of one address space: `frame<Space>` for where windows, tables and devices need every
/// bit. Addresses of different spaces do not mix. Any context.
///
/// ```
/// constexpr ashlar::byte_address<ashlar::peer> there{0x345010};
/// static_assert(there.offset_in(0x1000) == 0x10 && there.frame_of(12).number == 0x345);
/// ```
template <class Space>
struct byte_address {
    using space = Space;

    std::uint64_t value = 0;

    [[nodiscard]] friend constexpr auto operator<=>(byte_address, byte_address) noexcept = default;
    [[nodiscard]] friend constexpr byte_address operator+(byte_address at, std::uint64_t count) noexcept {
        return {at.value + count};
    }
    /// Bytes from the last multiple of `block` on, a power of two.
    [[nodiscard]] constexpr std::uint64_t offset_in(std::uint64_t block) const noexcept {
        return value & (block - 1);
    }
    /// The frame of 2^shift bytes that it lies in.
    [[nodiscard]] constexpr frame<Space> frame_of(unsigned shift) const noexcept { return {value >> shift}; }
};

/// `bytes` bytes from `first` on, half open.
template <class Space>
struct byte_range {
    using space = Space;

    byte_address<Space> first{};
    std::uint64_t bytes = 0;

    [[nodiscard]] constexpr bool empty() const noexcept { return bytes == 0; }
    /// Behind the last byte; 0 at the end of the address space.
    [[nodiscard]] constexpr byte_address<Space> end() const noexcept { return {first.value + bytes}; }
    /// The last byte; of an empty range, the one before it.
    [[nodiscard]] constexpr byte_address<Space> last() const noexcept { return {first.value + bytes - 1}; }
    /// True when the last byte cannot be addressed: such a range is refused everywhere.
    [[nodiscard]] constexpr bool wraps() const noexcept {
        return bytes != 0 && first.value + (bytes - 1) < first.value;
    }
    [[nodiscard]] constexpr bool contains(byte_address<Space> at) const noexcept {
        return at.value - first.value < bytes;
    }
    /// True when all `count` bytes from `at` on lie inside; `count` at least 1.
    [[nodiscard]] constexpr bool contains(byte_address<Space> at, std::uint64_t count) const noexcept {
        return contains(at) && count <= bytes - (at.value - first.value);
    }
    /// True when all of `other` lies inside, and there is something of it.
    [[nodiscard]] constexpr bool contains(byte_range other) const noexcept {
        return other.bytes != 0 && contains(other.first, other.bytes);
    }
    [[nodiscard]] friend constexpr bool operator==(byte_range, byte_range) noexcept = default;
};

/// Servers are numbered by whoever joins them.
using server_id = std::uint32_t;

}  // namespace ashlar
