// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/window_descriptor.hpp>
#include <ashlar/remote/window_rule.hpp>
#include <bit>
#include <cstdint>

namespace ashlar {

/// Direct windows have a BAR, slices are entries of a look-up table.
enum class window_kind : std::uint8_t { direct, slice };

}  // namespace ashlar

namespace ashlar::detail {

/// Which blocks one window can show: the arithmetic behind `explain` and `plan_windows`. The descriptor is
/// sound. Addresses are handled as first and last byte, so that the end of the address space needs no care.
/// O(1), or O(sizes) where sizes are powers of two. Any context; constexpr.
class block_rules {
 public:
    using block = byte_range<peer>;
    static constexpr std::uint64_t four_gib = std::uint64_t{1} << 32;

    /// `most`: the bytes of the window, `window_size` or `slice_size`.
    constexpr block_rules(const window_descriptor& d, window_kind kind, std::uint64_t most) noexcept
        : d_(d), slice_(kind == window_kind::slice), most_(most) {}

    /// The first rule that `b` breaks; it is neither empty nor does it wrap.
    [[nodiscard]] constexpr window_rule broken_by(block b) const noexcept {
        if (fixed()) return b == fixed_block() ? window_rule::kept : window_rule::fixed_target;
        if (b.bytes > most_) return window_rule::fits_window;
        if (slice_) {
            if ((b.first.value & (most_ - 1)) != 0) return window_rule::aligned_to_block;
        } else if (d_.alignment == alignment_rule::granule && !multiple(b.first.value, d_.granule)) {
            return window_rule::aligned_to_granule;
        } else if (d_.alignment == alignment_rule::aperture && !multiple(b.first.value, d_.aperture)) {
            return window_rule::aligned_to_aperture;
        }
        if (whole()) {
            if (b.bytes != most_) return window_rule::whole_window;
        } else {
            if (!multiple(b.bytes, d_.granule)) return window_rule::size_in_granules;
            if (d_.power_of_two_size && !std::has_single_bit(b.bytes))
                return window_rule::size_is_power_of_two;
        }
        if (!slice_ && d_.alignment == alignment_rule::block && !multiple(b.first.value, b.bytes)) {
            return window_rule::aligned_to_block;
        }
        if (d_.within_4gib && (b.first.value ^ b.last().value) >= four_gib) return window_rule::within_4gib;
        if (d_.reach != 0 && b.last().value >= d_.reach) return window_rule::within_reach;
        return window_rule::kept;
    }

    /// Of the legal blocks with all bytes from `first` to `last`, the smallest, and of these the one which
    /// starts last; empty if there is none.
    [[nodiscard]] constexpr block smallest(std::uint64_t first, std::uint64_t last) const noexcept {
        if (fixed()) return keep(fixed_block(), first, last);
        if (whole()) return keep(placed(most_, first), first, last);
        if (!d_.power_of_two_size) {
            const std::uint64_t start = down(first, unit());
            const std::uint64_t need = last - start;  // the size, less one
            if (need >= most_) return {};
            return keep({{start}, up(need + 1, d_.granule)}, first, last);
        }
        for (std::uint64_t size = least(); size != 0 && size <= most_; size <<= 1) {
            if (const block found = keep(placed(size, first), first, last); !found.empty()) return found;
        }
        return {};
    }
    /// Of the legal blocks that have byte `at`, the one that ends last, and of these the largest; empty if
    /// there is none. No later `at` gets a block that ends earlier.
    [[nodiscard]] constexpr block furthest(std::uint64_t at) const noexcept {
        if (fixed()) return keep(fixed_block(), at, at);
        if (whole()) return keep(placed(most_, at), at, at);
        if (!d_.power_of_two_size) {
            const std::uint64_t start = down(at, unit());
            const std::uint64_t room = last_within(start) - start;  // the size, less one
            const std::uint64_t most = down(most_, d_.granule);
            return keep({{start}, room < most ? down(room + 1, d_.granule) : most}, at, at);
        }
        block best{};
        for (std::uint64_t size = least(); size != 0 && size <= most_; size <<= 1) {
            const block found = keep(placed(size, at), at, at);
            if (!found.empty() && (best.empty() || found.last() >= best.last())) best = found;
        }
        return best;
    }

 private:
    [[nodiscard]] static constexpr std::uint64_t down(std::uint64_t value, std::uint64_t unit) noexcept {
        return value & ~(unit - 1);
    }
    [[nodiscard]] static constexpr std::uint64_t up(std::uint64_t value, std::uint64_t unit) noexcept {
        return down(value + unit - 1, unit);
    }
    [[nodiscard]] static constexpr bool multiple(std::uint64_t value, std::uint64_t unit) noexcept {
        return (value & (unit - 1)) == 0;
    }
    [[nodiscard]] constexpr bool fixed() const noexcept { return d_.authority == window_authority::fixed; }
    [[nodiscard]] constexpr bool whole() const noexcept { return slice_ || d_.limit == limit_rule::whole; }
    [[nodiscard]] constexpr block fixed_block() const noexcept { return {d_.fixed_target, most_}; }
    [[nodiscard]] constexpr std::uint64_t least() const noexcept { return d_.granule; }
    /// What starts are multiples of, where that does not depend on the size.
    [[nodiscard]] constexpr std::uint64_t unit() const noexcept {
        return d_.alignment == alignment_rule::aperture ? d_.aperture : d_.granule;
    }
    /// The last byte that a block which starts there may have.
    [[nodiscard]] constexpr std::uint64_t last_within(std::uint64_t start) const noexcept {
        std::uint64_t last = d_.within_4gib ? start | (four_gib - 1) : ~std::uint64_t{0};
        if (d_.reach != 0 && last >= d_.reach) last = d_.reach - 1;
        return last;
    }
    /// The block of `size` bytes with byte `at` that starts as late as it may: legal if any of that size is.
    [[nodiscard]] constexpr block placed(std::uint64_t size, std::uint64_t at) const noexcept {
        if (slice_ || d_.alignment == alignment_rule::block) return {{down(at, size)}, size};
        std::uint64_t start = down(at, unit());
        if (d_.alignment == alignment_rule::granule) {
            const std::uint64_t last = last_within(start);
            // Nearer than `size` to where blocks have to end: it starts earlier.
            if (start > last || last - start < size - 1) {
                const std::uint64_t end = down(last + 1, d_.granule);  // 0: that of the address space
                if (end == 0 || end >= size) start = end - size;
            }
        }
        return {{start}, size};
    }
    /// `b` if it is legal and has these bytes.
    [[nodiscard]] constexpr block keep(block b, std::uint64_t first, std::uint64_t last) const noexcept {
        if (b.empty() || b.wraps() || first < b.first.value || last > b.last().value) return {};
        return broken_by(b) == window_rule::kept ? b : block{};
    }

    const window_descriptor& d_;
    bool slice_;
    std::uint64_t most_;
};

/// The bytes of the largest window of a kind; 0: there is none.
[[nodiscard]] constexpr std::uint64_t largest_window(const window_descriptor& d, window_kind kind) noexcept {
    if (kind == window_kind::slice) return slice_size(d);
    if (d.windows == 0) return 0;
    return window_size(d, d.windows > 1 ? 1 : 0);
}

}  // namespace ashlar::detail
