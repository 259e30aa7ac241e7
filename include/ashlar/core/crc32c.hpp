// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

/// CRC-32C (Castagnoli: RFC 3720 section 12.1, iSCSI, ext4, Btrfs), bit by bit: for images that are written
/// and read once. Any context; constexpr.
///
/// ```
/// ashlar::crc32c sum;
/// for (const std::byte each : digits) sum.add(each);                 // of "123456789"
/// const bool right = sum.value() == 0xe3069283;
/// ```
class crc32c {
 public:
    constexpr void add(std::byte next) noexcept {
        rest_ ^= static_cast<std::uint32_t>(next);
        for (unsigned bit = 0; bit < 8; ++bit) rest_ = rest_ >> 1 ^ ((rest_ & 1) != 0 ? polynomial : 0);
    }
    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return ~rest_; }

 private:
    static constexpr std::uint32_t polynomial = 0x82f63b78;  // reflected

    std::uint32_t rest_ = ~std::uint32_t{0};
};

}  // namespace ashlar
