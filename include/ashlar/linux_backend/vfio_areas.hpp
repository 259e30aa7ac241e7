// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/device_source.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What VFIO says of a region, beside the areas that may be mapped.
struct vfio_region_shape {
    std::uint64_t bytes = 0;
    std::uint64_t file_offset = 0;
    bool is_readable = false;
    bool is_writable = false;
    std::size_t areas = 0;  ///< how many pieces were written
};

namespace detail {

/// Unsigned, in the byte order of this machine, as the kernel writes it.
template <class T>
[[nodiscard]] constexpr T native(view<const std::byte> from, std::size_t offset) noexcept {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        const std::size_t place = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? sizeof(T) - 1 - i : i;
        value = static_cast<T>(static_cast<T>(value << 4 << 4) | std::to_integer<T>(from[offset + place]));
    }
    return value;
}

}  // namespace detail

/// Takes apart what VFIO_DEVICE_GET_REGION_INFO answered: where the region is in the device's file, and which
/// parts of it may be mapped: none, all, or the areas of the sparse mmap capability (all but the MSI-X
/// table). Only `info` is read, whatever it holds; constexpr; O(capabilities + areas).
///
/// Failure: `corrupt` for something cut off, a chain of capabilities that does not ascend, an area that is
/// beyond the region, not whole pages (but for the region's end), or not behind the one before it; `limit`
/// for more areas than `into` has places. Source: linux/vfio.h.
[[nodiscard]] constexpr result<vfio_region_shape> read_vfio_region(view<const std::byte> info,
                                                                   std::uint64_t page_bytes,
                                                                   view<device_piece> into) noexcept {
    constexpr std::size_t info_bytes = 32;
    constexpr std::size_t header_bytes = 8;
    constexpr std::size_t sparse_bytes = 16;
    constexpr std::size_t area_bytes = 16;
    constexpr std::uint32_t readable = 1;
    constexpr std::uint32_t writable = 2;
    constexpr std::uint32_t mappable = 4;
    constexpr std::uint32_t has_capabilities = 8;
    constexpr std::uint16_t sparse_capability = 1;
    if (info.size() < info_bytes) return errc::corrupt;
    const auto flags = detail::native<std::uint32_t>(info, 4);
    vfio_region_shape shape{detail::native<std::uint64_t>(info, 16), detail::native<std::uint64_t>(info, 24),
                            (flags & readable) != 0, (flags & writable) != 0, 0};
    if ((flags & mappable) == 0 || shape.bytes == 0) return shape;
    if (shape.bytes > ~std::uint64_t{0} - page_bytes || shape.file_offset > ~std::uint64_t{0} - shape.bytes)
        return errc::corrupt;
    std::size_t at = (flags & has_capabilities) == 0 ? 0 : detail::native<std::uint32_t>(info, 12);
    for (std::size_t before = 0; at != 0; before = at, at = detail::native<std::uint32_t>(info, at + 4)) {
        if (at <= before || at < info_bytes || at > info.size() - header_bytes) return errc::corrupt;
        if (detail::native<std::uint16_t>(info, at) != sparse_capability) continue;
        if (info.size() - at < sparse_bytes) return errc::corrupt;
        const std::size_t areas = detail::native<std::uint32_t>(info, at + 8);
        if (areas > (info.size() - at - sparse_bytes) / area_bytes) return errc::corrupt;
        if (areas > into.size()) return errc::limit;
        std::uint64_t end = 0;
        for (std::size_t i = 0; i < areas; ++i) {
            const std::size_t place = at + sparse_bytes + i * area_bytes;
            const auto first = detail::native<std::uint64_t>(info, place);
            const auto extent = detail::native<std::uint64_t>(info, place + 8);
            if (extent == 0) continue;
            const bool is_inside = first >= end && first < shape.bytes && extent <= shape.bytes - first;
            const bool is_whole =
                first % page_bytes == 0 && (extent % page_bytes == 0 || extent == shape.bytes - first);
            if (!is_inside || !is_whole) return errc::corrupt;
            into[shape.areas++] = {first, shape.file_offset + first, detail::whole_pages(extent, page_bytes)};
            end = first + extent;
        }
        return shape;
    }
    if (into.empty()) return errc::limit;
    into[shape.areas++] = {0, shape.file_offset, detail::whole_pages(shape.bytes, page_bytes)};
    return shape;
}

}  // namespace ashlar
