// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/fdt_blob.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// How many cells of 32 bits an address and a size have.
struct fdt_cells {
    std::uint32_t address = 2;
    std::uint32_t size = 1;

    [[nodiscard]] constexpr bool usable() const noexcept {
        return address >= 1 && address <= 2 && size >= 1 && size <= 2;
    }
    [[nodiscard]] constexpr std::size_t pair_bytes() const noexcept {
        return std::size_t{4} * (address + size);
    }
    [[nodiscard]] friend constexpr bool operator==(const fdt_cells&, const fdt_cells&) noexcept = default;
};

/// The number of one or two cells.
[[nodiscard]] constexpr std::uint64_t fdt_number(bytes value, std::size_t offset,
                                                 std::uint32_t cells) noexcept {
    return cells == 2 ? load_big<std::uint64_t>(value, offset) : load_big<std::uint32_t>(value, offset);
}

/// What the properties of a checked tree mean, and what is wrong with them.
class fdt_properties {
 public:
    constexpr fdt_properties(const fdt_blob& tree, defects& found) noexcept : tree_(tree), found_(found) {}

    [[nodiscard]] constexpr const fdt_blob& tree() const noexcept { return tree_; }
    [[nodiscard]] constexpr fdt_property find(const fdt_node& node, const char* name) const noexcept {
        return tree_.find(node, name);
    }
    [[nodiscard]] constexpr bool has(const fdt_node& node, const char* name) const noexcept {
        return tree_.find(node, name).present;
    }

    [[nodiscard]] constexpr bool available(const fdt_node& node) const noexcept {
        const fdt_property status = find(node, "status");
        return !status.present || is_text(status.value, "okay") || is_text(status.value, "ok");
    }

    [[nodiscard]] constexpr fdt_cells cells_of(const fdt_node& node, fdt_cells otherwise) const noexcept {
        const fdt_property address = find(node, "#address-cells");
        const fdt_property size = find(node, "#size-cells");
        if (address.present) otherwise.address = count_of_cells(address.value);
        if (size.present) otherwise.size = count_of_cells(size.value);
        return otherwise;
    }

    /// Calls `sink(offset, extent)` for each whole pair of an address and a size.
    template <class Sink>
    constexpr void for_each_range(const fdt_property& property, const fdt_cells& cells,
                                  Sink&& sink) const noexcept {
        const std::size_t stride = cells.pair_bytes();
        std::size_t offset = 0;
        for (; holds(property.value, offset, stride); offset += stride) {
            const std::uint64_t first = fdt_number(property.value, offset, cells.address);
            const std::uint64_t size = fdt_number(property.value, offset + 4 * cells.address, cells.size);
            sink(property.at + offset, extent::of(first, size));
        }
        if (offset != property.value.size()) {
            report(property.at + offset, defect_kind::bad_length, "a range that is cut off");
        }
    }

    constexpr void report(std::size_t at, defect_kind kind, const char* text, std::uint64_t first = 0,
                          std::uint64_t last = 0) const noexcept {
        found_.report({table::fdt, at, kind, text, first, last});
    }

 private:
    /// 0 if it says no number.
    [[nodiscard]] static constexpr std::uint32_t count_of_cells(bytes value) noexcept {
        return value.size() == 4 ? load_big<std::uint32_t>(value, 0) : 0;
    }

    const fdt_blob& tree_;
    defects& found_;
};

}  // namespace ashlar::detail
