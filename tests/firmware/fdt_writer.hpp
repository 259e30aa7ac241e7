// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace firmware_tests {

/// Writes a flattened device tree of version 17.
class fdt_writer {
 public:
    constexpr fdt_writer& reserve(std::uint64_t first, std::uint64_t size) {
        reservations_.big(first, 8);
        reservations_.big(size, 8);
        return *this;
    }
    constexpr fdt_writer& begin(const char* name) {
        structure_.big(1, 4);
        structure_.text(name);
        structure_.pad();
        return *this;
    }
    constexpr fdt_writer& end() { return token(2); }
    constexpr fdt_writer& token(std::uint32_t value) {
        structure_.big(value, 4);
        return *this;
    }
    constexpr fdt_writer& cells(const char* name, std::initializer_list<std::uint32_t> values) {
        head(name, 4 * values.size());
        for (const std::uint32_t value : values) structure_.big(value, 4);
        return *this;
    }
    constexpr fdt_writer& text(const char* name, const char* value) {
        std::size_t length = 1;
        for (const char* c = value; *c != '\0'; ++c) ++length;
        head(name, length);
        structure_.text(value);
        structure_.pad();
        return *this;
    }
    constexpr fdt_writer& flag(const char* name) {
        head(name, 0);
        return *this;
    }

    /// The root, with addresses and sizes of that many cells.
    constexpr fdt_writer& root(std::uint32_t address_cells = 1, std::uint32_t size_cells = 1) {
        return begin("").cells("#address-cells", {address_cells}).cells("#size-cells", {size_cells});
    }
    /// A memory node that is left open.
    constexpr fdt_writer& memory(std::initializer_list<std::uint32_t> reg) {
        return begin("memory@0").text("device_type", "memory").cells("reg", reg);
    }

    /// The whole tree; the root is closed here.
    constexpr ashlar::bytes sealed() {
        end();
        token(9);
        return blob();
    }
    /// The whole tree as it stands.
    constexpr ashlar::bytes blob() {
        constexpr std::size_t header = 40;
        const std::size_t structure = header + reservations_.size + 16;
        const std::size_t strings = structure + structure_.size;
        blob_ = {};
        for (const std::size_t value :
             {std::size_t{0xd00dfeed}, strings + strings_.size, structure, strings, header, std::size_t{17},
              std::size_t{16}, std::size_t{0}, strings_.size, structure_.size}) {
            blob_.big(value, 4);
        }
        blob_.append(reservations_);
        blob_.big(0, 8);
        blob_.big(0, 8);
        blob_.append(structure_);
        blob_.append(strings_);
        return {blob_.data, blob_.size};
    }
    /// Overwrites a word of the header of the sealed tree.
    constexpr ashlar::bytes with_header(std::size_t index, std::uint32_t value) {
        for (std::size_t i = 0; i < 4; ++i) {
            blob_.data[4 * index + i] = static_cast<std::byte>((value >> (24 - 8 * i)) & 0xff);
        }
        return {blob_.data, blob_.size};
    }

 private:
    struct block {
        std::byte data[4096]{};
        std::size_t size = 0;

        constexpr void big(std::uint64_t value, unsigned count) {
            for (unsigned i = count; i-- > 0;)
                data[size++] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
        }
        constexpr void text(const char* value) {
            for (; *value != '\0'; ++value) big(static_cast<unsigned char>(*value), 1);
            big(0, 1);
        }
        constexpr void pad() {
            while (size % 4 != 0) big(0, 1);
        }
        constexpr void append(const block& other) {
            for (std::size_t i = 0; i < other.size; ++i) data[size++] = other.data[i];
        }
    };

    constexpr void head(const char* name, std::size_t length) {
        structure_.big(3, 4);
        structure_.big(length, 4);
        structure_.big(strings_.size, 4);
        strings_.text(name);
    }

    block reservations_;
    block structure_;
    block strings_;
    block blob_;
};

}  // namespace firmware_tests
