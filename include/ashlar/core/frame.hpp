// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <compare>
#include <cstdint>

namespace ashlar {

/// Address spaces. They are types, so that a frame of one is never taken for a frame of another.
struct machine {};  ///< what the memory controller decodes
struct os {};       ///< what the operating system uses; the same as machine where nothing remaps
struct peer {};     ///< physical memory of another server, seen through a window
struct guest {};    ///< guest-physical memory of a virtual machine

/// A page frame by number (Linux pfn, Xen mfn). The page size is the user's: nothing here depends on it.
template <class Space = machine>
struct frame {
    using space = Space;

    std::uint64_t number = 0;

    [[nodiscard]] friend constexpr auto operator<=>(frame, frame) noexcept = default;
    [[nodiscard]] friend constexpr frame operator+(frame f, std::uint64_t n) noexcept {
        return {f.number + n};
    }
};

/// One more than the last frame number: "no limit" for bounds.
template <class Space = machine>
inline constexpr frame<Space> no_limit{~std::uint64_t{0}};

/// Frames in a row: `count` frames from `first` on, half open.
template <class Space = machine>
struct range {
    using space = Space;

    frame<Space> first{};
    std::uint64_t count = 0;

    [[nodiscard]] static constexpr range between(frame<Space> first, frame<Space> end) noexcept {
        return {first, end > first ? end.number - first.number : 0};
    }
    [[nodiscard]] constexpr frame<Space> end() const noexcept { return {first.number + count}; }
    [[nodiscard]] constexpr bool empty() const noexcept { return count == 0; }
    /// True when the end cannot be represented: such a range is refused everywhere.
    [[nodiscard]] constexpr bool wraps() const noexcept { return first.number + count < first.number; }
    [[nodiscard]] constexpr bool contains(frame<Space> f) const noexcept {
        return f.number - first.number < count;
    }
    [[nodiscard]] constexpr bool contains(range other) const noexcept {
        return !other.wraps() && other.first >= first && other.end() <= end();
    }
    [[nodiscard]] constexpr bool overlaps(range other) const noexcept {
        return !empty() && !other.empty() && first < other.end() && other.first < end();
    }
    [[nodiscard]] constexpr range clipped_to(range other) const noexcept {
        const auto low = first > other.first ? first : other.first;
        const auto high = end() < other.end() ? end() : other.end();
        return between(low, high);
    }
    [[nodiscard]] friend constexpr bool operator==(range, range) noexcept = default;
};

/// True when `f` is the natural start of a block of 2^order frames.
template <class Space>
[[nodiscard]] constexpr bool aligned(frame<Space> f, unsigned order) noexcept {
    return order < 64 && (f.number & ((std::uint64_t{1} << order) - 1)) == 0;
}

/// The block of 2^order frames at `f`; `order` below 64.
template <class Space>
[[nodiscard]] constexpr range<Space> block(frame<Space> f, unsigned order) noexcept {
    return {f, std::uint64_t{1} << order};
}

}  // namespace ashlar
