// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <cstdint>

namespace ashlar {

/// Which window had a block, and when: what to find it by again without a look-up, as long as nothing has
/// changed. It holds nothing in place.
struct window_handle {
    std::uint32_t window = 0;
    std::uint32_t generation = 0;  ///< of the window: one more each time that it is aimed
    std::uint32_t epoch = 0;       ///< of the link
    std::uint64_t block = 0;       ///< by number
};

/// A piece of a peer's memory that stays accessible at one local address while the pin lives, or the reason
/// why there is none. Moves, and is not copied. `Windows` is what gave it, and outlives it.
///
/// - Invariant: a pin that is had keeps its window aimed where it is. Its owner counts until it is released.
/// - A link that is lost does not wait for pins: `local` refuses from then on, also after the link is back,
///   and the window is not used anew before the pin is released.
/// - Complexity: O(1); releasing is one read-modify-write. Context: any; one user at a time.
/// - Failure: `error` says why there is no pin; `revoked` where the link went, `stale` where it is back.
///
/// ```
/// auto pin = cache.pin({0x345010}, 8);
/// if (!pin) return pin.error();
/// if (const auto at = pin.local()) value = load(at->value);
/// ```
template <class Windows>
class [[nodiscard]] window_pin {
 public:
    /// None.
    constexpr window_pin() noexcept = default;
    constexpr explicit window_pin(errc why) noexcept : error_(why) {}
    constexpr window_pin(Windows& windows, window_handle what, byte_address<machine> local,
                         std::uint64_t length, pin_owner owner) noexcept
        : windows_(&windows), handle_(what), local_(local), bytes_(length), owner_(owner), error_(errc::ok) {}

    constexpr window_pin(window_pin&& other) noexcept { take(other); }
    constexpr window_pin& operator=(window_pin&& other) noexcept {
        if (this == &other) return *this;
        release();
        take(other);
        return *this;
    }
    window_pin(const window_pin&) = delete;
    window_pin& operator=(const window_pin&) = delete;
    constexpr ~window_pin() { release(); }

    [[nodiscard]] constexpr explicit operator bool() const noexcept { return windows_ != nullptr; }
    /// Why there is none; `ok` if there is one; `invalid` of an empty pin or one that was released.
    [[nodiscard]] constexpr errc error() const noexcept { return error_; }

    /// Where the first byte is accessed. If the link was lost since the pin was taken: `revoked` while it is
    /// down, `stale` once it is up again, when another pin is to be had. What was
    /// read is only to be believed if this says the same afterwards.
    [[nodiscard]] constexpr result<byte_address<machine>> local() const noexcept {
        if (windows_ == nullptr) return error_;
        if (!windows_->is_current(handle_)) return windows_->is_up() ? errc::stale : errc::revoked;
        return local_;
    }
    /// How many bytes from there on.
    [[nodiscard]] constexpr std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] constexpr pin_owner owner() const noexcept { return owner_; }
    [[nodiscard]] constexpr window_handle handle() const noexcept { return handle_; }

    /// The pin is given up, and the window stays where it is for good: for who cannot reach those who access
    /// it.
    constexpr void leave_in_place() noexcept {
        windows_ = nullptr;
        error_ = errc::invalid;
    }
    /// No access comes after it.
    constexpr void release() noexcept {
        if (windows_ == nullptr) return;
        windows_->unpin(handle_, owner_);
        windows_ = nullptr;
        error_ = errc::invalid;
    }

 private:
    constexpr void take(window_pin& other) noexcept {
        windows_ = other.windows_;
        handle_ = other.handle_;
        local_ = other.local_;
        bytes_ = other.bytes_;
        owner_ = other.owner_;
        error_ = other.error_;
        other.windows_ = nullptr;
        other.error_ = errc::invalid;
    }

    Windows* windows_ = nullptr;
    window_handle handle_{};
    byte_address<machine> local_{};
    std::uint64_t bytes_ = 0;
    pin_owner owner_ = pin_owner::cpu;
    errc error_ = errc::invalid;
};

}  // namespace ashlar
