// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Bytes of one entry of PVH's memory map.
inline constexpr std::size_t pvh_entry_bytes = 24;

/// What PVH's `hvm_start_info` says about the memory map: where it is, not what is in it.
struct pvh_start_info {
    std::uint32_t version = 0;
    std::uint64_t map_address = 0;  ///< physical; 0 if there is no map
    std::uint32_t map_entries = 0;

    [[nodiscard]] constexpr bool has_map() const noexcept { return map_address != 0 && map_entries != 0; }
    /// The bytes of the map, for `read_pvh_map`.
    [[nodiscard]] constexpr std::uint64_t map_bytes() const noexcept {
        return std::uint64_t{map_entries} * pvh_entry_bytes;
    }
};

/// Reads the structure to which PVH's EBX points at entry. 56 bytes are enough of it; version 0 has 40 and no
/// map. The caller maps `map_bytes()` bytes at `map_address` and gives them to `read_pvh_map`. Source: Xen's
/// public header arch-x86/hvm/start_info.h.
///
/// `invalid`, and reported, if the magic number is wrong or the input ends early. Any context.
constexpr result<pvh_start_info> read_pvh_start_info(bytes input, defects& found) noexcept {
    constexpr std::uint32_t magic = 0x336ec578;
    constexpr std::size_t version_0_bytes = 40;
    constexpr std::size_t version_1_bytes = 56;
    if (holds(input, 0, 4) && load_little<std::uint32_t>(input, 0) != magic) {
        found.report({table::pvh, 0, defect_kind::bad_signature, "not PVH's start info"});
        return errc::invalid;
    }
    pvh_start_info info;
    info.version = load_little<std::uint32_t>(input, 4);
    if (!holds(input, 0, info.version == 0 ? version_0_bytes : version_1_bytes)) {
        found.report({table::pvh, input.size(), defect_kind::truncated, "the start info is cut off"});
        return errc::invalid;
    }
    if (info.version == 0) return info;
    info.map_address = load_little<std::uint64_t>(input, 40);
    info.map_entries = load_little<std::uint32_t>(input, 48);
    return info;
}

/// Reads PVH's memory map: entries of 24 bytes {address u64, size u64, type u32, reserved u32}, with the
/// types of E820. Findings and answers as `read_e820`. Any context.
///
/// The image, the start info, its modules and the map itself lie in memory that the map calls usable: the
/// caller excludes them.
constexpr errc read_pvh_map(bytes input, memory_map& map, defects& found) noexcept {
    return read_e820(input, pvh_entry_bytes, map, found, e820_extra::padding);
}

}  // namespace ashlar
