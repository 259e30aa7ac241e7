// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/fdt_blob.hpp>
#include <ashlar/firmware/fdt_properties.hpp>
#include <cstdint>

namespace ashlar {

/// Where a boot loader put the initial RAM disk, in bytes, half open; empty if there is none.
struct fdt_initrd {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] constexpr bool empty() const noexcept { return begin >= end; }
    [[nodiscard]] friend constexpr bool operator==(const fdt_initrd&, const fdt_initrd&) noexcept = default;
};

/// What /chosen of a flattened device tree says of the initial RAM disk: `linux,initrd-start` and
/// `linux,initrd-end`, of one cell or two each. To be excluded from the map before `read_fdt` places
/// reservations.
///
/// `invalid`, and reported, for a tree that is broken, and for a disk with one end only, an end before its
/// start, or numbers of another size: something is there, and nobody knows where. O(bytes). Any context.
///
///     const auto disk = ashlar::find_fdt_initrd(tree, defects);
///     if (disk && !disk->empty()) (void)map.exclude_bytes(disk->begin, disk->end);
[[nodiscard]] constexpr result<fdt_initrd> find_fdt_initrd(bytes input, defects& found) noexcept {
    detail::fdt_blob tree;
    if (!tree.open(input, found)) return errc::invalid;
    detail::fdt_property ends[2];
    tree.for_each_node([&](const detail::fdt_node& node) {
        if (node.depth != 1 || !detail::is_name(node.name, "chosen")) return;
        ends[0] = tree.find(node, "linux,initrd-start");
        ends[1] = tree.find(node, "linux,initrd-end");
    });
    if (!ends[0].present && !ends[1].present) return fdt_initrd{};
    std::uint64_t numbers[2]{};
    for (unsigned i = 0; i < 2; ++i) {
        const std::size_t size = ends[i].value.size();
        if (size != 4 && size != 8) {
            found.report({table::fdt, ends[i].at, defect_kind::bad_length,
                          "an initial RAM disk needs a start and an end of one cell or two"});
            return errc::invalid;
        }
        numbers[i] = detail::fdt_number(ends[i].value, 0, size == 8 ? 2 : 1);
    }
    if (numbers[1] < numbers[0]) {
        found.report({table::fdt, ends[1].at, defect_kind::inverted,
                      "an initial RAM disk that ends before it starts", numbers[0], numbers[1]});
        return errc::invalid;
    }
    return fdt_initrd{numbers[0], numbers[1]};
}

}  // namespace ashlar
