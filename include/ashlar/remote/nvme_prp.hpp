// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/scatter_list.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The two entries of a command (DPTR: PRP1 and PRP2).
struct nvme_prps {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
};

/// A page for a list of PRP entries: where the device finds it, and where it is written here.
struct nvme_prp_page {
    byte_address<machine> at{};
    view<std::uint64_t> entries{};
};

namespace detail {

/// As a device reads it.
template <class T>
[[nodiscard]] constexpr T to_little(T value) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
        return value;
    } else {
        T swapped = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            swapped = static_cast<T>(swapped << 8 | (value >> 8 * i & 0xff));
        return swapped;
    }
}

}  // namespace detail

/// Pieces of memory as physical region pages of an NVMe command: each page of 2^page_shift bytes
/// (CC.MPS + 12) is an entry; of more than two the second entry is that of a list, whose pages are chained by
/// their last entry while there is more.
///
/// - The first piece starts at a multiple of 4; each other one at a page, and each but the last ends with
/// one.
/// - `lists` are pages of the caller's, as the device addresses them, each at a page of its own.
/// - Complexity: O(pages). Context: any. What is in a list is little-endian.
/// - Failure: `invalid` without bytes, or for pages that have no room for two entries; `misaligned` where a
///   piece or a list is not; `limit` if there are too few or too small lists. Nothing is written then.
/// - Source: NVM Express Base Specification 2.0, 4.1.1 (2.1: 4.3.1), PRP entry and list.
///
/// ```
/// ashlar::nvme_prp_page lists[] = {{{0x60'0020'0000}, entries}};
/// const auto prps = ashlar::write_prps(transfer.pieces(), 12, lists);
/// ```
[[nodiscard]] constexpr result<nvme_prps> write_prps(view<const scatter_piece> pieces, unsigned page_shift,
                                                     view<const nvme_prp_page> lists) noexcept {
    if (page_shift < 4 || page_shift >= 64) return errc::invalid;
    const std::uint64_t page = std::uint64_t{1} << page_shift;
    std::uint64_t entries = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const scatter_piece& each = pieces[i];
        const std::uint64_t offset = each.at.offset_in(page);
        if (each.bytes == 0) return errc::invalid;
        if (i == 0 ? each.at.value % 4 != 0 : offset != 0) return errc::misaligned;
        if (i + 1 != pieces.size() && ((each.bytes + offset) & (page - 1)) != 0) return errc::misaligned;
        entries += ((each.bytes - 1 + offset) >> page_shift) + 1;
    }
    if (entries == 0) return errc::invalid;
    const std::uint64_t in_list = page / 8;
    std::uint64_t listed = entries > 2 ? entries - 1 : 0;
    for (std::size_t list = 0; listed != 0; ++list) {
        if (list == lists.size()) return errc::limit;
        if (lists[list].at.offset_in(page) != 0) return errc::misaligned;
        if (lists[list].entries.size() < (listed < in_list ? listed : in_list)) return errc::limit;
        listed -= listed > in_list ? in_list - 1 : listed;
    }
    nvme_prps made{pieces[0].at.value, entries > 2 ? lists[0].at.value : 0};
    std::uint64_t number = 0;  // of the next entry
    std::size_t list = 0;
    std::uint64_t index = 0;
    for (const scatter_piece& each : pieces) {
        const std::uint64_t pages = ((each.bytes - 1 + each.at.offset_in(page)) >> page_shift) + 1;
        for (std::uint64_t i = 0; i < pages; ++i, ++number) {
            const std::uint64_t at = (each.at.value & ~(page - 1)) + (i << page_shift);
            if (number == 0) continue;
            if (entries == 2) {
                made.second = at;
                continue;
            }
            if (index + 1 == in_list && number + 1 != entries) {
                lists[list].entries[static_cast<std::size_t>(index)] =
                    detail::to_little(lists[list + 1].at.value);
                ++list;
                index = 0;
            }
            lists[list].entries[static_cast<std::size_t>(index++)] = detail::to_little(at);
        }
    }
    return made;
}

}  // namespace ashlar
