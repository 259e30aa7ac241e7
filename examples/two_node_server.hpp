// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the firmware of a server says: two nodes of 4 GiB, 1 GiB of each mirrored.
//
//     0 - 0x9f000     node 0, ordinary        4 - 5 GiB   node 0, ordinary
//     1 MiB - 1 GiB   node 0, mirrored        5 - 6 GiB   node 1, mirrored
//     1 - 3 GiB       node 0, ordinary        6 - 9 GiB   node 1, ordinary
#pragma once

#include <ashlar/core/bytes.hpp>
#include <cstddef>
#include <cstdint>

namespace two_node_server {

/// A table that is written field by field, little-endian.
class table {
 public:
    template <class T>
    constexpr void put(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            bytes_[size_++] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
        }
    }
    constexpr void put(const char* text) {
        for (; *text != '\0'; ++text) bytes_[size_++] = static_cast<std::byte>(*text);
    }
    constexpr void zeros(std::size_t count) { size_ += count; }

    /// ACPI's header; `finish` puts length and checksum in.
    constexpr void acpi_header(const char* signature) {
        put(signature);
        zeros(4);                // length
        put(std::uint16_t{1});   // revision, checksum
        put("ASHLARTWO NODES");  // who made it
        zeros(36 - size_);
    }
    constexpr void finish() {
        for (std::size_t i = 0; i < 4; ++i) bytes_[4 + i] = static_cast<std::byte>(size_ >> (8 * i));
        unsigned sum = 0;
        for (std::size_t i = 0; i < size_; ++i) sum += std::to_integer<unsigned>(bytes_[i]);
        bytes_[9] = static_cast<std::byte>(0 - sum);
    }
    [[nodiscard]] constexpr ashlar::bytes bytes() const { return {bytes_, size_}; }

 private:
    std::byte bytes_[512]{};
    std::size_t size_ = 0;
};

inline constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
/// The size of EDK2's descriptors.
inline constexpr std::size_t uefi_stride = 48;

/// What GetMemoryMap returns.
[[nodiscard]] constexpr table uefi() {
    constexpr std::uint64_t write_back = 0x8;
    constexpr std::uint64_t more_reliable = 0x10000;
    const struct {
        std::uint32_t type;  // 0 reserved, 7 conventional
        std::uint64_t begin;
        std::uint64_t end;
        std::uint64_t attributes;
    } descriptors[] = {
        {7, 0, 0x9f000, write_back},
        {0, 0x9f000, 0xa0000, 0},
        {7, 0x100000, gibibyte, write_back | more_reliable},
        {7, gibibyte, 3 * gibibyte, write_back},
        {7, 4 * gibibyte, 5 * gibibyte, write_back},
        {7, 5 * gibibyte, 6 * gibibyte, write_back | more_reliable},
        {7, 6 * gibibyte, 9 * gibibyte, write_back},
    };
    table made;
    for (const auto& each : descriptors) {
        made.put(each.type);
        made.zeros(4);
        made.put(each.begin);
        made.zeros(8);  // virtual address
        made.put((each.end - each.begin) / 4096);
        made.put(each.attributes);
        made.zeros(uefi_stride - 40);
    }
    return made;
}

/// Which memory belongs to which node.
[[nodiscard]] constexpr table srat() {
    const struct {
        std::uint32_t node;
        std::uint64_t begin;
        std::uint64_t end;
    } ranges[] = {{0, 0, 5 * gibibyte}, {1, 5 * gibibyte, 9 * gibibyte}};
    table made;
    made.acpi_header("SRAT");
    made.put(std::uint32_t{1});
    made.zeros(8);
    for (const auto& each : ranges) {
        made.put(std::uint16_t{40 << 8 | 1});  // a memory structure of 40 bytes
        made.put(each.node);
        made.zeros(2);
        made.put(each.begin);
        made.put(each.end - each.begin);
        made.zeros(4);
        made.put(std::uint32_t{1});  // enabled
        made.zeros(8);
    }
    made.finish();
    return made;
}

/// How far the nodes are from one another.
[[nodiscard]] constexpr table slit() {
    table made;
    made.acpi_header("SLIT");
    made.put(std::uint64_t{2});
    for (const unsigned distance : {10U, 21U, 21U, 10U}) made.put(static_cast<std::uint8_t>(distance));
    made.finish();
    return made;
}

}  // namespace two_node_server
