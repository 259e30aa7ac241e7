// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/nvme_prp.hpp>
#include <ashlar/remote/scatter_list.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// An entry of a scatter-gather list as an NVMe device reads it, little-endian; the upper four bits of
/// `identifier` are the type, the lower ones, the subtype, are 0: an address.
struct nvme_sgl_descriptor {
    static constexpr std::uint8_t data_block = 0x00;
    static constexpr std::uint8_t segment = 0x20;
    static constexpr std::uint8_t last_segment = 0x30;

    std::uint64_t address = 0;
    std::uint32_t length = 0;
    std::uint8_t reserved[3] = {};
    std::uint8_t identifier = data_block;
};
static_assert(sizeof(nvme_sgl_descriptor) == 16);

/// A segment of such a list: where the device finds it, and where it is written here.
struct nvme_sgl_segment {
    byte_address<machine> at{};
    view<nvme_sgl_descriptor> descriptors{};
};

/// Pieces of memory as a scatter-gather list of an NVMe command. The answer is the descriptor for the command
/// (SGL1): the data block itself, if there is one, else that of the first segment. Pieces may have any
/// address and length; one of 4 GiB or more takes several descriptors.
///
/// - `segments` are the caller's, as the device addresses them, at multiples of 16. Each but the last ends
///   with the descriptor of the next one.
/// - Complexity: O(pieces). Context: any.
/// - Failure: `invalid` without bytes; `misaligned` for a segment that is; `limit` if there are too few or
///   too short segments. Nothing is written then.
/// - Source: NVM Express Base Specification 2.0, 4.1.2 (2.1: 4.3.2), SGL descriptors and segments.
///
/// ```
/// ashlar::nvme_sgl_segment segments[] = {{{0x60'0020'0000}, descriptors}};
/// const auto first = ashlar::write_sgl(transfer.pieces(), segments);
/// ```
[[nodiscard]] constexpr result<nvme_sgl_descriptor> write_sgl(
    view<const scatter_piece> pieces, view<const nvme_sgl_segment> segments) noexcept {
    constexpr std::uint64_t longest = 0xffff'f000;  // a multiple of the page
    const auto made = [](byte_address<machine> at, std::uint64_t length, std::uint8_t identifier) {
        return nvme_sgl_descriptor{detail::to_little(at.value),
                                   detail::to_little(static_cast<std::uint32_t>(length)),
                                   {},
                                   identifier};
    };
    std::uint64_t count = 0;
    for (const scatter_piece& each : pieces) {
        if (each.bytes == 0) return errc::invalid;
        count += (each.bytes - 1) / longest + 1;
    }
    if (count == 0) return errc::invalid;
    if (count == 1) return made(pieces[0].at, pieces[0].bytes, nvme_sgl_descriptor::data_block);

    // How many data blocks are left at the start of a segment decides whether it is the last one.
    std::uint64_t left = count;
    for (std::size_t i = 0; left != 0; ++i) {
        if (i == segments.size()) return errc::limit;
        if (segments[i].at.value % 16 != 0) return errc::misaligned;
        const std::uint64_t room = segments[i].descriptors.size();
        if (room >= left) break;
        if (room < 2) return errc::limit;
        left -= room - 1;
    }
    const auto pointer_to = [&](std::size_t which, std::uint64_t blocks) {
        const std::uint64_t room = segments[which].descriptors.size();
        return blocks <= room ? made(segments[which].at, blocks * 16, nvme_sgl_descriptor::last_segment)
                              : made(segments[which].at, room * 16, nvme_sgl_descriptor::segment);
    };
    std::size_t segment = 0;
    std::size_t index = 0;
    left = count;
    for (const scatter_piece& each : pieces) {
        for (std::uint64_t done = 0; done < each.bytes; --left) {
            view<nvme_sgl_descriptor> into = segments[segment].descriptors;
            if (index + 1 == into.size() && left > 1) {
                into[index] = pointer_to(segment + 1, left);
                into = segments[++segment].descriptors;
                index = 0;
            }
            const std::uint64_t part = each.bytes - done < longest ? each.bytes - done : longest;
            into[index++] = made(each.at + done, part, nvme_sgl_descriptor::data_block);
            done += part;
        }
    }
    return pointer_to(0, count);
}

/// An address and a length, for devices that take them so.
struct raw_segment {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
};

/// Pieces of memory as pairs of address and length; answers how many. `limit` if there is no room; nothing is
/// written then. O(pieces). Any context.
[[nodiscard]] constexpr result<std::size_t> write_raw(view<const scatter_piece> pieces,
                                                      view<raw_segment> into) noexcept {
    if (pieces.size() > into.size()) return errc::limit;
    for (std::size_t i = 0; i < pieces.size(); ++i) into[i] = {pieces[i].at.value, pieces[i].bytes};
    return pieces.size();
}

}  // namespace ashlar
