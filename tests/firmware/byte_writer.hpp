// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <cstddef>
#include <cstdint>

namespace firmware_tests {

/// Writes tables byte by byte, little-endian.
template <std::size_t Capacity = 4096>
class byte_writer {
 public:
    constexpr byte_writer& u8(std::uint64_t value) { return put(value, 1); }
    constexpr byte_writer& u16(std::uint64_t value) { return put(value, 2); }
    constexpr byte_writer& u32(std::uint64_t value) { return put(value, 4); }
    constexpr byte_writer& u64(std::uint64_t value) { return put(value, 8); }
    constexpr byte_writer& zeros(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) put(0, 1);
        return *this;
    }
    constexpr byte_writer& characters(const char* text) {
        for (; *text != '\0'; ++text) put(static_cast<unsigned char>(*text), 1);
        return *this;
    }
    constexpr byte_writer& set(std::size_t offset, std::uint64_t value) {
        data_[offset] = static_cast<std::byte>(value & 0xff);
        return *this;
    }

    /// One E820 entry of 20 bytes.
    constexpr byte_writer& e820(std::uint64_t base, std::uint64_t length, std::uint32_t type) {
        return u64(base).u64(length).u32(type);
    }
    /// One E820 entry of 24 bytes.
    constexpr byte_writer& e820(std::uint64_t base, std::uint64_t length, std::uint32_t type,
                                std::uint32_t attributes) {
        return e820(base, length, type).u32(attributes);
    }
    /// One UEFI descriptor of 40 bytes and a tail.
    constexpr byte_writer& uefi(std::uint32_t type, std::uint64_t first, std::uint64_t pages,
                                std::uint64_t attributes, std::size_t tail = 8) {
        return u32(type).u32(0xdeadbeef).u64(first).u64(0).u64(pages).u64(attributes).zeros(tail);
    }

    /// The header of an ACPI table; `seal` completes it.
    constexpr byte_writer& acpi(const char* signature, std::uint8_t revision) {
        return characters(signature).u32(0).u8(revision).zeros(27);
    }
    constexpr byte_writer& srat(std::uint8_t revision = 3) { return acpi("SRAT", revision).zeros(12); }
    constexpr byte_writer& local_apic(std::uint32_t domain, std::uint32_t flags = 1) {
        return u8(0).u8(16).u8(domain).u8(0).u32(flags).u8(0).u8(domain >> 8).u16(domain >> 16).u32(0);
    }
    constexpr byte_writer& memory_affinity(std::uint32_t domain, std::uint64_t base, std::uint64_t length,
                                           std::uint32_t flags = 1) {
        return u8(1).u8(40).u32(domain).u16(0).u64(base).u64(length).u32(0).u32(flags).u64(0);
    }
    /// Writes the length and the checksum of the ACPI table.
    constexpr byte_writer& seal() {
        for (std::size_t i = 0; i < 4; ++i) set(4 + i, size_ >> (8 * i));
        set(9, 0);
        unsigned sum = 0;
        for (std::size_t i = 0; i < size_; ++i) sum += std::to_integer<unsigned>(data_[i]);
        return set(9, 256 - (sum & 0xff));
    }

    [[nodiscard]] constexpr ashlar::bytes bytes() const { return {data_, size_}; }
    [[nodiscard]] constexpr std::size_t size() const { return size_; }

 private:
    constexpr byte_writer& put(std::uint64_t value, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            data_[size_++] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
        }
        return *this;
    }

    std::byte data_[Capacity]{};
    std::size_t size_ = 0;
};

}  // namespace firmware_tests
