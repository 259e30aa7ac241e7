// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/check_descriptor.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <ashlar/remote/window.hpp>
#include <ashlar/remote/window_descriptor.hpp>
#include <ashlar/remote/window_pin.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// One window that covers all of a peer's memory that there is to access, and is never aimed elsewhere: the
/// verbs of `window_cache`, where nothing is left to do. A pin holds nothing, and an access through one costs
/// what the mapping costs; who keeps local addresses asks `is_up` as he pleases.
///
/// - Complexity: O(1) everywhere, without a read-modify-write. Context: any.
/// - Failure: `invalid` without bytes, `not_covered` outside of the window, `revoked` while the link is down.
///
/// ```
/// ashlar::identity_window<> all({{0x1'0000'0000}, 1 << 30}, {0x42'0000'0000});
/// auto pin = all.pin({0x1'0010'0008}, 8);                    // pin.local() is 0x42'0010'0008
/// ```
template <class Platform = platform>
class identity_window {
    static_assert(atomics<Platform>, "identity_window<Platform>: Platform must offer atomic<T>");

 public:
    using platform_type = Platform;
    using pin_type = window_pin<identity_window>;

    /// The range does not wrap.
    constexpr identity_window(byte_range<peer> covered, byte_address<machine> local) noexcept
        : covered_(covered), local_(local) {}
    identity_window(const identity_window&) = delete;
    identity_window& operator=(const identity_window&) = delete;

    constexpr pin_type pin(byte_address<peer> at, std::uint64_t length,
                           pin_owner owner = pin_owner::cpu) noexcept {
        if (length == 0) return pin_type(errc::invalid);
        if (!covered_.contains(at, length)) return pin_type(errc::not_covered);
        const std::uint32_t now = epoch_.load(memory_order::acquire);
        if (now % 2 == 0) return pin_type(errc::revoked);
        return pin_type(*this, {0, 0, now, 0}, local_of(at), length, owner);
    }
    /// As of a `window_cache`.
    constexpr errc pin_all(view<const byte_range<peer>> ranges, view<pin_type> pins,
                           pin_owner owner = pin_owner::cpu) noexcept {
        if (pins.size() < ranges.size()) return errc::invalid;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            pins[i] = pin(ranges[i].first, ranges[i].bytes, owner);
            if (pins[i]) continue;
            const errc answer = pins[i].error();
            for (std::size_t all = 0; all < ranges.size(); ++all) pins[all].release();
            return answer;
        }
        return errc::ok;
    }
    /// The address alone: `contains` is the caller's business.
    [[nodiscard]] constexpr byte_address<machine> local_of(byte_address<peer> at) const noexcept {
        return local_ + (at.value - covered_.first.value);
    }
    [[nodiscard]] constexpr byte_range<peer> covered() const noexcept { return covered_; }
    /// The longest piece from there on that one pin covers; 0 outside.
    [[nodiscard]] constexpr std::uint64_t reach(byte_address<peer> at) const noexcept {
        return covered_.contains(at) ? covered_.bytes - (at.value - covered_.first.value) : 0;
    }

    constexpr void link_lost() noexcept { set_link(false); }
    constexpr void link_restored() noexcept { set_link(true); }
    [[nodiscard]] constexpr bool is_up() const noexcept { return epoch() % 2 != 0; }
    [[nodiscard]] constexpr std::uint32_t epoch() const noexcept {
        return epoch_.load(memory_order::acquire);
    }

    /// For `window_pin`.
    [[nodiscard]] constexpr bool is_current(window_handle known) const noexcept {
        return epoch() == known.epoch;
    }
    constexpr void unpin(window_handle, pin_owner) noexcept {}

 private:
    constexpr void set_link(bool up) noexcept {
        std::uint32_t known = epoch_.load(memory_order::relaxed);
        while ((known % 2 != 0) != up && !epoch_.compare_exchange(known, known + 1, memory_order::release)) {
        }
    }

    byte_range<peer> covered_;
    byte_address<machine> local_;
    typename Platform::template atomic<std::uint32_t> epoch_{1};
};

/// The one window of a bridge that nobody aims (`window_descriptor::has_target`), whose BAR is at `place`,
/// and whose target was fixed: what to make an `identity_window` of. `unsupported`: its windows are aimed, or
/// (CXL) what they show follows from how they were set up, which the descriptor does not have; `invalid`: the
/// descriptor is not sound.
[[nodiscard]] constexpr result<window> window_as_set_up(const window_descriptor& descriptor,
                                                        byte_address<machine> place) noexcept {
    if (check(descriptor) != descriptor_defect::none) return errc::invalid;
    if (descriptor.has_target || descriptor.authority != window_authority::fixed) return errc::unsupported;
    return window{.local = place, .target = descriptor.fixed_target, .bytes = descriptor.aperture};
}

}  // namespace ashlar
