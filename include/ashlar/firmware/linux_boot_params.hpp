// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Reads the E820 table in Linux's boot_params (the "zero page" that a loader passes on x86): a count at
/// 0x1e8 and up to 128 entries of 20 bytes at 0x2d0. A greater count is reported, and taken as 128. Findings
/// and answers as `read_e820`; their offsets count from the table.
///
/// Where firmware has more entries, the loader hangs the rest on the list at `setup_data` (u64 at 0x250) as
/// data of type 1: the caller gives each such block to `read_e820` with a stride of 20. The image, the page
/// itself and that list lie in memory that the table calls usable: the caller excludes them.
///
/// `invalid`, and reported, if the input ends before the entries do (nothing is read). Any context. Source:
/// Linux Documentation/arch/x86/zero-page.rst, asm/bootparam.h.
constexpr errc read_linux_boot_params(bytes input, memory_map& map, defects& found) noexcept {
    constexpr std::size_t count_at = 0x1e8;
    constexpr std::size_t table_at = 0x2d0;
    constexpr std::size_t most_entries = 128;
    constexpr std::size_t entry_bytes = 20;
    std::size_t count = load_little<std::uint8_t>(input, count_at);
    if (count > most_entries) {
        found.report({table::e820, 0, defect_kind::bad_length, "more entries than boot_params has room for",
                      count, count});
        count = most_entries;
    }
    if (!holds(input, table_at, count * entry_bytes)) {
        found.report({table::e820, 0, defect_kind::truncated, "boot_params end before their E820 table"});
        return errc::invalid;
    }
    return read_e820(input.subview(table_at, count * entry_bytes), entry_bytes, map, found);
}

}  // namespace ashlar
