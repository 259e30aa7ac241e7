// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/remapping.hpp>
#include <cstdint>

namespace ashlar {

/// Where the byte at an address of the operating system is, in a table whose frames have 2^granule_shift
/// bytes: 6 for a cache line, 12 for a page, 21 for a pageblock, 27 for a section. Any context; wait-free.
///
/// ```
/// (void)moved.assign({0x800}, {0x3c00});                                     // of 4 KiB
/// const auto inside = ashlar::translate_address(moved, 0x00800fff, 12);      // 0x03c00fff
/// const auto beyond = ashlar::translate_address(moved, 0x00801000, 12);      // 0x00801000
/// ```
template <remapping Table>
[[nodiscard]] constexpr std::uint64_t translate_address(const Table& table, std::uint64_t address,
                                                        unsigned granule_shift) noexcept {
    const std::uint64_t offset = address & ((std::uint64_t{1} << granule_shift) - 1);
    return table.translate(frame<os>{address >> granule_shift}).number << granule_shift | offset;
}

/// As above; `not_owned` for an address in a frame that is not mapped.
template <remapping Table>
[[nodiscard]] constexpr result<std::uint64_t> find_address(const Table& table, std::uint64_t address,
                                                           unsigned granule_shift) noexcept {
    const std::uint64_t offset = address & ((std::uint64_t{1} << granule_shift) - 1);
    const auto target = table.find(frame<os>{address >> granule_shift});
    if (!target) return target.error();
    return target->number << granule_shift | offset;
}

}  // namespace ashlar
