// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/source/frame_tags.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// Where everything of a list buddy lies in its words. Frames are indexed from the multiple of four at or
/// before the first, so that the tags of aligned blocks are whole words.
///
/// - Layout: header, list heads (one an order), isolated bits (one a pageblock), tags (a byte a frame), links
///   (two words a frame).
template <unsigned TopOrder, unsigned PageblockOrder>
struct list_geometry {
    enum header : std::size_t {
        magic_at,
        version_at,
        shape_at,
        first_low_at,
        first_high_at,
        count_at,
        present_at,        ///< frames online
        free_at,           ///< frames free, isolated ones included
        isolated_free_at,  ///< of these, isolated
        nonempty_at,       ///< bit n: list n has a block
        heads_at = 16,
    };

    static constexpr std::uint32_t magic = 0x6c69'7374;
    static constexpr std::uint32_t version = 1;
    static constexpr std::uint32_t shape = TopOrder << 8 | PageblockOrder;
    static constexpr std::uint32_t nil = ~std::uint32_t{0};

    constexpr list_geometry() noexcept = default;
    template <class Space>
    constexpr explicit list_geometry(range<Space> frames) noexcept
        : first(frames.first.number),
          end(frames.end().number),
          base(first & ~std::uint64_t{3}),
          isolated_at(heads_at + TopOrder + 1),
          tags_at(isolated_at +
                  static_cast<std::size_t>(((end - 1) >> PageblockOrder) - (first >> PageblockOrder)) / 32 +
                  1),
          links_at(tags_at + (span() + 3) / 4) {}

    /// Indices are 32 bits wide, and on a 32-bit target the words have to be addressable.
    template <class Space>
    [[nodiscard]] static constexpr bool fits(range<Space> frames) noexcept {
        constexpr std::uint64_t addressable = std::numeric_limits<std::size_t>::max() / 12;
        constexpr std::uint64_t most = addressable < nil ? addressable : nil;
        return !frames.empty() && !frames.wraps() && frames.count <= most - 64;
    }
    [[nodiscard]] constexpr std::size_t words() const noexcept { return links_at + 2 * span(); }
    [[nodiscard]] constexpr std::size_t span() const noexcept { return static_cast<std::size_t>(end - base); }
    [[nodiscard]] constexpr std::size_t index_of(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>(number - base);
    }
    [[nodiscard]] constexpr std::size_t pageblock_of(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>((number >> PageblockOrder) - (first >> PageblockOrder));
    }

    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::uint64_t base = 0;
    std::size_t isolated_at = 0;
    std::size_t tags_at = 0;
    std::size_t links_at = 0;
};

}  // namespace ashlar::detail
