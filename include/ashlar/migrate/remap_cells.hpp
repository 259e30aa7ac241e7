// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <bit>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// What a cell of a remap structure says: one word, so that a reader sees an origin with its target or not at
/// all.
///
/// | bits, highest first | an entry | empty | else |
/// |---|---|---|---|
/// | those of an origin's place, plus 1 | the place + 1 | 0 | the structure's own |
/// | those of a target's place | the place | 0 | the structure's own |
/// | 1 | 0 | 0 | 1 |
///
/// How many bits each has follows from the ranges. Places are frame numbers relative to the ranges.
template <class Value>
class remap_cells {
    static constexpr unsigned digits = std::numeric_limits<Value>::digits;

 public:
    static constexpr Value empty = 0;

    constexpr remap_cells() noexcept = default;
    /// For ranges that `fit`.
    constexpr remap_cells(range<os> origins, range<machine> targets) noexcept
        : origins_(origins), targets_(targets), shift_(bits_for(targets.count - 1) + 1) {}

    /// `invalid` for an empty or wrapping range, `limit` for ranges that one word does not tell apart.
    [[nodiscard]] static constexpr errc fit(range<os> origins, range<machine> targets) noexcept {
        if (origins.empty() || origins.wraps() || targets.empty() || targets.wraps()) return errc::invalid;
        return bits_for(origins.count) + bits_for(targets.count - 1) + 1 <= digits ? errc::ok : errc::limit;
    }

    [[nodiscard]] constexpr range<os> origins() const noexcept { return origins_; }
    [[nodiscard]] constexpr range<machine> targets() const noexcept { return targets_; }

    /// For frames inside the ranges.
    [[nodiscard]] constexpr Value entry(Value place, frame<machine> target) const noexcept {
        const auto at = static_cast<Value>(target.number - targets_.first.number);
        return static_cast<Value>(static_cast<Value>(place + 1) << shift_ | static_cast<Value>(at << 1));
    }
    /// True for the entry of the origin at `place`. Nothing that is empty, or the structure's own with zeros
    /// above, is one.
    [[nodiscard]] constexpr bool is_entry_of(Value cell, Value place) const noexcept {
        return cell >> shift_ == place + 1;
    }
    [[nodiscard]] constexpr Value place_of(Value entry) const noexcept {
        return static_cast<Value>((entry >> shift_) - 1);
    }
    [[nodiscard]] constexpr frame<os> origin_of(Value entry) const noexcept {
        return origins_.first + place_of(entry);
    }
    [[nodiscard]] constexpr frame<machine> target_of(Value entry) const noexcept {
        return targets_.first + (static_cast<Value>(entry << (digits - shift_)) >> (digits - shift_) >> 1);
    }

 private:
    [[nodiscard]] static constexpr unsigned bits_for(std::uint64_t most) noexcept {
        return static_cast<unsigned>(std::bit_width(most));
    }

    range<os> origins_{};
    range<machine> targets_{};
    unsigned shift_ = 1;
};

}  // namespace ashlar::detail
