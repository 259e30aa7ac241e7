// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// What a window is to show.
struct window_aim {
    byte_address<peer> target{};
    std::uint64_t bytes = 0;

    [[nodiscard]] friend constexpr bool operator==(const window_aim&, const window_aim&) noexcept = default;
};

/// Whoever sets windows: registers of this side (registers_*.hpp), the other side on request
/// (`requesting_programmer`), a hypervisor (`hypervisor_programmer`), or nobody (`fixed_programmer`). The
/// caller sees to the order (`reaiming` does); one caller at a time.
///
/// - `disable(window)`: nothing passes through it from the return on.
/// - `write(window, aim)`: the translation, while the window is disabled.
/// - `read(window)`: the translation as the bridge has it, which may lack bits of what was written.
/// - `enable(window, aim)`: accesses pass, as many bytes as the aim has.
/// - `enabled(window)`: whether they do, as the bridge has it.
///
/// `busy`: under way, the same call again completes it. Other errors: `revoked`: nothing answers;
/// `unsupported`: not this aim; `unreadable`: no answer in time; `corrupt`: the bridge says otherwise.
template <class P>
concept window_programmer = requires(P programmer, std::uint32_t window, const window_aim& aim) {
    { programmer.disable(window) } -> std::same_as<errc>;
    { programmer.write(window, aim) } -> std::same_as<errc>;
    { programmer.read(window) } -> std::same_as<result<byte_address<peer>>>;
    { programmer.enable(window, aim) } -> std::same_as<errc>;
    { programmer.enabled(window) } -> std::same_as<result<bool>>;
};

/// A programmer that gathers changes of several windows, where that costs less than one by one.
///
/// - `begin_group()`: from here on `disable`, `write` and `enable` answer `ok` once they are written, whether
///   they have taken effect or not; `read` answers what was written. A window is disabled in another group
///   than the one that writes and enables it.
/// - `end_group()`: all of it has taken effect.
/// - `abandon_group()`: no group is open any more, whatever took effect; after one that did not end.
///
/// The first two are `busy` as the other verbs are. After an error no group is open, and which of the changes
/// took effect is not known: each window has to be disabled.
template <class P>
concept grouping_programmer = window_programmer<P> && requires(P programmer) {
    { programmer.begin_group() } -> std::same_as<errc>;
    { programmer.end_group() } -> std::same_as<errc>;
    programmer.abandon_group();
};

/// A window that nobody can move: only the aim that it has is accepted, and no window is ever closed but by
/// not letting anybody in. Any context.
class fixed_programmer {
 public:
    constexpr explicit fixed_programmer(window_aim aim) noexcept : aim_(aim) {}

    constexpr errc disable(std::uint32_t) const noexcept { return errc::ok; }
    constexpr errc write(std::uint32_t, const window_aim& aim) const noexcept {
        return aim == aim_ ? errc::ok : errc::unsupported;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t) const noexcept {
        return aim_.target;
    }
    constexpr errc enable(std::uint32_t, const window_aim& aim) noexcept {
        open_ = aim == aim_;
        return open_ ? errc::ok : errc::unsupported;
    }
    /// Since the last `enable`; it cannot be taken back.
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t) const noexcept { return open_; }

 private:
    window_aim aim_;
    bool open_ = false;
};

/// A hypervisor's calls: `show` puts the aim behind the window (a memory slot), `hide` takes it away, `shown`
/// answers what is there, 0 bytes if nothing.
template <class C>
concept hypervisor_call = requires(C call, std::uint32_t window, const window_aim& aim) {
    { call.show(window, aim) } -> std::same_as<errc>;
    { call.hide(window) } -> std::same_as<errc>;
    { call.shown(window) } -> std::same_as<result<window_aim>>;
};

/// Windows that a hypervisor moves. It opens a window and aims it at once, so the translation is written with
/// `enable`, and `read` before that answers what will be.
template <hypervisor_call Call>
class hypervisor_programmer {
 public:
    constexpr explicit hypervisor_programmer(Call& call) noexcept : call_(&call) {}

    constexpr errc disable(std::uint32_t window) noexcept { return call_->hide(window); }
    constexpr errc write(std::uint32_t, const window_aim& aim) noexcept {
        next_ = aim;
        return errc::ok;
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        const result<window_aim> now = call_->shown(window);
        if (!now) return now.error();
        return now->bytes != 0 ? now->target : next_.target;
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        return call_->show(window, aim);
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        const result<window_aim> now = call_->shown(window);
        if (!now) return now.error();
        return now->bytes != 0;
    }

 private:
    Call* call_;
    window_aim next_{};
};

}  // namespace ashlar
