// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <ashlar/paging/table_source.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// The frames that page tables lie in: their words, and where they come from.
template <page_table_format Format, class Platform, class Source>
class table_frames {
 public:
    using space = typename Platform::space;
    using entry = typename Format::entry;
    using word = typename Platform::template atomic<entry>;
    using geometry = page_geometry<Format>;

    static constexpr std::uint64_t per_frame = std::uint64_t{1} << Format::index_bits;

    constexpr explicit table_frames(Source& source) noexcept : source_(&source) {}

    /// Null where the platform has no bytes for the frame.
    [[nodiscard]] static word* word_at(frame<space> table, std::uint64_t index) noexcept {
        void* const bytes = Platform::bytes_of(table);
        return bytes == nullptr ? nullptr : static_cast<word*>(bytes) + index;
    }
    /// Frames of a table of the level, every entry absent. Nobody else sees it yet.
    [[nodiscard]] result<frame<space>> take(unsigned level) noexcept {
        const unsigned order = order_of(level);
        const std::uint64_t end = std::uint64_t{1} << (Format::physical_bits - Format::page_shift);
        const auto got = source_->allocate(request<space>{.order = order, .below = {end}});
        if (!got) return got;
        bool usable = got->number >> (Format::physical_bits - Format::page_shift) == 0;
        for (std::uint64_t i = 0; usable && i >> order == 0; ++i) usable = clear(*got + i);
        if (usable) return got;
        (void)source_->free(*got, order);
        return errc::not_owned;
    }
    errc give(frame<space> table, unsigned level) noexcept { return source_->free(table, order_of(level)); }

 private:
    [[nodiscard]] static constexpr unsigned order_of(unsigned level) noexcept {
        return level + 1 == Format::levels ? geometry::root_order : 0;
    }
    [[nodiscard]] static bool clear(frame<space> table) noexcept {
        word* const words = word_at(table, 0);
        if (words == nullptr) return false;
        for (std::size_t i = 0; i < per_frame; ++i) words[i].store(Format::absent(0), memory_order::relaxed);
        return true;
    }

    Source* source_;
};

}  // namespace ashlar::detail
