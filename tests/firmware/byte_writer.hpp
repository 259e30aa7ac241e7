// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace firmware_tests {

/// GUIDs of NFIT ranges, in the groups in which they are written.
struct range_guid {
    std::uint32_t first;
    std::uint16_t second;
    std::uint16_t third;
    std::uint64_t rest;
};
inline constexpr range_guid persistent_range{0x66f0d379, 0xb4f3, 0x4074, 0xac430d3318b78cdb};
inline constexpr range_guid volatile_range{0x7305944f, 0xfdda, 0x44e3, 0xb16c3f22d252e5d0};
inline constexpr range_guid control_range{0x92f701f6, 0x13b4, 0x405d, 0x910b299367e8234c};
inline constexpr range_guid volatile_disk{0x77ab535a, 0x45fc, 0x624b, 0x5560f7b281d1f96e};
inline constexpr range_guid persistent_disk{0x5cea02c9, 0x4d07, 0x69d3, 0x269f4496fbe096f9};

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
    constexpr byte_writer& acpi(const char* signature, unsigned revision) {
        return characters(signature).u32(0).u8(revision).zeros(27);
    }
    constexpr byte_writer& srat(unsigned revision = 3) { return acpi("SRAT", revision).zeros(12); }
    constexpr byte_writer& local_apic(std::uint32_t domain, std::uint32_t flags = 1) {
        return u8(0).u8(16).u8(domain).u8(0).u32(flags).u8(0).u8(domain >> 8).u16(domain >> 16).u32(0);
    }
    constexpr byte_writer& memory_affinity(std::uint32_t domain, std::uint64_t base, std::uint64_t length,
                                           std::uint32_t flags = 1) {
        return u8(1).u8(40).u32(domain).u16(0).u64(base).u64(length).u32(0).u32(flags).u64(0);
    }
    constexpr byte_writer& nfit() { return acpi("NFIT", 1).u32(0); }
    constexpr byte_writer& nfit_range(const range_guid& type, std::uint64_t base, std::uint64_t length,
                                      std::uint32_t domain = 0, unsigned flags = 2) {
        u16(0).u16(56).u16(1).u16(flags).u32(0).u32(domain).u32(type.first).u16(type.second).u16(type.third);
        for (unsigned shift = 64; shift > 0; shift -= 8) u8(type.rest >> (shift - 8));
        return u64(base).u64(length).u64(0x8008);
    }

    constexpr byte_writer& cedt() { return acpi("CEDT", 1); }
    constexpr byte_writer& host_bridge(std::uint64_t base, std::uint64_t length) {
        return u8(0).u8(0).u16(32).u32(7).u32(1).u32(0).u64(base).u64(length);
    }
    /// A window of `targets` host bridges, of volatile and persistent memory.
    constexpr byte_writer& window(std::uint64_t base, std::uint64_t size, unsigned restrictions = 0xc,
                                  unsigned ways = 0, std::size_t targets = 1) {
        u8(1).u8(0).u16(36 + 4 * targets).u32(0).u64(base).u64(size).u8(ways).u8(0).u16(0).u32(0);
        return u16(restrictions).u16(0).zeros(4 * targets);
    }

    constexpr byte_writer& hmat(unsigned revision = 2) { return acpi("HMAT", revision).u32(0); }
    constexpr byte_writer& attached(std::uint32_t initiator, std::uint32_t memory, unsigned flags = 1) {
        return u16(0).u16(0).u32(40).u16(flags).u16(0).u32(initiator).u32(memory).zeros(20);
    }
    /// A matrix of figures, a row for each initiator.
    constexpr byte_writer& figures(unsigned type, std::uint64_t unit,
                                   std::initializer_list<std::uint32_t> initiators,
                                   std::initializer_list<std::uint32_t> memories,
                                   std::initializer_list<std::uint16_t> entries, unsigned flags = 0) {
        u16(1).u16(0).u32(32 + 4 * (initiators.size() + memories.size()) + 2 * entries.size());
        u8(flags).u8(type).u16(0).u32(initiators.size()).u32(memories.size()).u32(0).u64(unit);
        for (const std::uint32_t domain : initiators) u32(domain);
        for (const std::uint32_t domain : memories) u32(domain);
        for (const std::uint16_t entry : entries) u16(entry);
        return *this;
    }
    constexpr byte_writer& cache(std::uint32_t memory, std::uint64_t size, std::uint32_t attributes,
                                 unsigned mode = 0) {
        return u16(2).u16(0).u32(32).u32(memory).u32(0).u64(size).u32(attributes).u16(mode).u16(0);
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
