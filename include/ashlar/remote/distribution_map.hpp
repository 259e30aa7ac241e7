// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A range of a guest's addresses whose memory lies on one server; where there, its P2M says.
struct memory_home {
    byte_range<guest> covered{};
    server_id server = 0;
};

/// A range of a guest's addresses that is a device's: which server has it, and where there.
struct device_home {
    byte_range<guest> covered{};
    server_id server = 0;
    byte_address<peer> at{};
};

/// Which server what a guest addresses is on: a view of the caller's array of `memory_home` or `device_home`,
/// by ascending address.
///
/// - Invariant: entries do not overlap, and none is empty or wraps.
/// - Complexity: `attach` O(n), `find` O(log n). Context: any; the array does not change meanwhile.
/// - Failure: `invalid` for an empty or wrapping entry, or a place on the server that wraps; `misaligned` for
///   one that begins before the one before it; `corrupt` for two that overlap. `where` is the first such one.
///   The map is as before then. Source: CN103823638 (memory and device distribution tables).
///
/// ```
/// constexpr ashlar::memory_home homes[] = {{{{0x7000'0000}, 0x1000'0000}, 1}};
/// ashlar::distribution_map<ashlar::memory_home> map;
/// (void)map.attach(homes);                                   // map.find({0x7000'0010})->server is 1
/// ```
template <class Entry>
class distribution_map {
 public:
    constexpr distribution_map() noexcept = default;

    constexpr errc attach(view<const Entry> entries) noexcept {
        std::size_t where = 0;
        return attach(entries, where);
    }
    constexpr errc attach(view<const Entry> entries, std::size_t& where) noexcept {
        for (where = 0; where < entries.size(); ++where) {
            if (const errc answer = check(entries, where); answer != errc::ok) return answer;
        }
        entries_ = entries;
        return errc::ok;
    }

    /// The entry that covers the address, or null: it is not distributed.
    [[nodiscard]] constexpr const Entry* find(byte_address<guest> at) const noexcept {
        std::size_t low = 0;
        for (std::size_t length = entries_.size(); length > 0;) {
            const std::size_t half = length / 2;
            if (entries_[low + half].covered.first <= at) {
                low += half + 1;
                length -= half + 1;
            } else {
                length = half;
            }
        }
        if (low == 0 || !entries_[low - 1].covered.contains(at)) return nullptr;
        return &entries_[low - 1];
    }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return entries_.size(); }

 private:
    [[nodiscard]] static constexpr errc check(view<const Entry> entries, std::size_t i) noexcept {
        const byte_range<guest> covered = entries[i].covered;
        if (covered.empty() || covered.wraps()) return errc::invalid;
        if constexpr (requires(Entry each) { each.at; }) {
            if (byte_range<peer>{entries[i].at, covered.bytes}.wraps()) return errc::invalid;
        }
        if (i == 0) return errc::ok;
        const byte_range<guest> before = entries[i - 1].covered;
        if (covered.first < before.first) return errc::misaligned;
        return before.contains(covered.first) ? errc::corrupt : errc::ok;
    }

    view<const Entry> entries_{};
};

}  // namespace ashlar
