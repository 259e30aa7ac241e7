// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_gate.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// The way through a window, as whoever re-aims it needs it.
///
/// - `store_fence()`: stores of this CPU are on their way.
/// - `read_back(window)`: a load through the window, of any 8 bytes of it: it comes back behind all stores
///   that went the same way.
/// - `check_link()`: `ok` if the peer is there and is the one that was (a canary, see `link_guard`), else
///   `revoked`.
template <class P>
concept window_path = requires(P path, std::uint32_t window) {
    path.store_fence();
    { path.read_back(window) } -> std::same_as<std::uint64_t>;
    { path.check_link() } -> std::same_as<errc>;
};

/// Where a re-aiming is: what the next step does.
enum class reaim_step : std::uint8_t {
    idle,       ///< nothing begun, or ended
    drain,      ///< wait for the pins
    fence,      ///< store fence
    flush,      ///< read back through the window: stores that are posted have arrived where they were sent
    disable,    ///< close it in the bridge, and see that it is closed
    write,      ///< the translation
    verify,     ///< read it back: a bridge drops bits that it has not
    enable,     ///< open it
    confirm,    ///< read back that it is open, and that the peer is there
    publish,    ///< a new generation
    take_back,  ///< it failed: close it in the bridge
};

/// Aims a window anew, so that no store that is under way arrives at the new place, and no access meets half
/// a translation. Divisible: each `step` is short and waits for nothing.
///
/// Protocol, in this order; each line needs the ones before it:
///
/// | step | who may access meanwhile | what it is for |
/// |---|---|---|
/// | claim, close | pins taken before | nobody new comes in (`window_gate`) |
/// | drain | pins taken before | nobody is in, their stores are issued (a pin's release, acquire here) |
/// | store fence | nobody | own stores leave the CPU |
/// | read back through the window | nobody | stores in queues arrive at the old place |
/// | disable, see it | nobody | what is late or wrong passes no half-written translation |
/// | write | nobody | halves of 32 bits one after the other |
/// | read it back | nobody | it has taken effect, and no bit of it is lost |
/// | enable, read back | nobody | what is posted to registers is there before the first user |
/// | check the link | nobody | all ones are no translation: the peer still is the one that it was |
/// | publish | new pins | aim and generation before the gate (release) |
///
/// Failure: a typed error of the step, the window closed in the bridge and in the gate, which tells its
/// users: `revoked` (nothing answers, or another peer), `corrupt` (the bridge has another translation, a
/// misaligned target as a rule, or does not close or open), what the programmer answers. If even closing
/// fails, `uncertain()`: the gate stays closed all the same. It can be begun again.
///
/// Context: thread; one object for each window that is being aimed, one caller. Steps are O(1) and a few
/// register accesses. Source: patent CN103823638; Linux and DPDK set a window once, before its first use.
///
/// ```
/// ashlar::reaiming<my_platform, programmer, path> aim(gate, registers, link, window);
/// if (aim.begin({{0x40'0000'0000}, 0x10'0000}) == ashlar::errc::ok) {
///     ashlar::errc done = ashlar::errc::busy;
///     while (aim.under_way()) done = aim.step();      // other work between: busy says that it has to wait
/// }
/// ```
template <atomics Platform, window_programmer Programmer, window_path Path>
class reaiming {
 public:
    using gate_type = window_gate<Platform>;

    constexpr reaiming(gate_type gate, Programmer& programmer, Path& path, std::uint32_t window) noexcept
        : gate_(gate), programmer_(&programmer), path_(&path), window_(window) {}

    /// Closes admission. `busy`: someone else aims this window; `invalid`: an empty aim, or one begun before
    /// has not ended.
    constexpr errc begin(const window_aim& aim) noexcept {
        if (aim.bytes == 0 || under_way()) return errc::invalid;
        return start(aim);
    }
    /// As `begin`, but the window is to show nothing: users find `not_covered`.
    constexpr errc begin_closing() noexcept {
        if (under_way()) return errc::invalid;
        return start({});
    }
    [[nodiscard]] constexpr bool under_way() const noexcept { return step_ != reaim_step::idle; }
    [[nodiscard]] constexpr reaim_step at() const noexcept { return step_; }
    /// After a failure: the bridge did not say that the window is closed.
    [[nodiscard]] constexpr bool uncertain() const noexcept { return uncertain_; }
    /// After a failure: in which step.
    [[nodiscard]] constexpr reaim_step failed_at() const noexcept { return failed_at_; }

    /// One step. `ok`: it is done (with `under_way()` false: all is); `busy`: it is not, call again; else it
    /// failed, and the window is closed once `under_way()` is false.
    constexpr errc step() noexcept {
        switch (step_) {
            case reaim_step::idle:
                return errc::invalid;
            case reaim_step::drain:
                return gate_.drained() ? go_on(reaim_step::fence) : errc::busy;
            case reaim_step::fence:
                path_->store_fence();
                return go_on(reaim_step::flush);
            case reaim_step::flush:
                return flush();
            case reaim_step::disable:
                return disable();
            case reaim_step::write:
                return after(programmer_->write(window_, aim_), reaim_step::verify);
            case reaim_step::verify:
                return verify(reaim_step::enable);
            case reaim_step::enable:
                return after(programmer_->enable(window_, aim_), reaim_step::confirm);
            case reaim_step::confirm:
                return confirm();
            case reaim_step::publish:
                gate_.publish(aim_);
                return go_on(reaim_step::idle);
            case reaim_step::take_back:
                return take_back();
        }
        return errc::corrupt;
    }
    /// Steps until it has ended or `attempts` steps are made: then `busy`, and it can be called again.
    constexpr errc run(std::uint32_t attempts) noexcept {
        errc last = errc::busy;
        while (under_way() && attempts-- != 0) last = step();
        return under_way() ? errc::busy : last;
    }
    /// Gives up waiting for pins: the window is open as before. `invalid` once they are drained.
    constexpr errc give_up() noexcept {
        if (step_ != reaim_step::drain || gate_.generation() == 0 || gate_.aim().bytes == 0)
            return errc::invalid;
        gate_.reopen();
        return go_on(reaim_step::idle);
    }

 private:
    static constexpr std::uint32_t tries_to_close = 64;

    constexpr errc start(const window_aim& aim) noexcept {
        if (const errc claimed = gate_.claim(); claimed != errc::ok) return claimed;
        aim_ = aim;
        error_ = errc::ok;
        uncertain_ = false;
        failed_at_ = reaim_step::idle;
        tries_ = 0;
        return go_on(reaim_step::drain);
    }
    constexpr errc go_on(reaim_step next) noexcept {
        step_ = next;
        return errc::ok;
    }
    constexpr errc fail(errc error) noexcept {
        error_ = error;
        failed_at_ = step_;
        step_ = reaim_step::take_back;
        return errc::busy;
    }
    constexpr errc after(errc answer, reaim_step next) noexcept {
        if (answer == errc::ok) return go_on(next);
        return answer == errc::busy ? answer : fail(answer);
    }
    constexpr errc flush() noexcept {
        // A window that shows nothing has nothing under way.
        if (gate_.generation() == 0 || gate_.aim().bytes == 0) return go_on(reaim_step::disable);
        if (!all_ones(path_->read_back(window_))) return go_on(reaim_step::disable);
        // Data, or nobody there. To close the window the peer is not needed.
        const errc link = path_->check_link();
        if (link == errc::ok || aim_.bytes == 0) return go_on(reaim_step::disable);
        return fail(link);
    }
    constexpr errc disable() noexcept {
        if (const errc answer = programmer_->disable(window_); answer != errc::ok) {
            return answer == errc::busy ? answer : fail(answer);
        }
        if (aim_.bytes != 0) return go_on(reaim_step::write);
        gate_.forget();
        gate_.leave_closed(errc::ok);
        return go_on(reaim_step::idle);
    }
    constexpr errc verify(reaim_step next) noexcept {
        const result<byte_address<peer>> found = programmer_->read(window_);
        if (!found) return found.error() == errc::busy ? errc::busy : fail(found.error());
        return *found == aim_.target ? go_on(next) : fail(errc::corrupt);
    }
    constexpr errc confirm() noexcept {
        const result<bool> open = programmer_->enabled(window_);
        if (!open) return open.error() == errc::busy ? errc::busy : fail(open.error());
        if (!*open) return fail(errc::corrupt);
        const errc link = path_->check_link();
        return link == errc::ok ? go_on(reaim_step::publish) : fail(link);
    }
    constexpr errc take_back() noexcept {
        const errc answer = programmer_->disable(window_);
        if (answer == errc::busy && ++tries_ < tries_to_close) return errc::busy;
        uncertain_ = answer != errc::ok;
        gate_.forget();
        gate_.leave_closed(error_);
        step_ = reaim_step::idle;
        return error_;
    }

    gate_type gate_;
    Programmer* programmer_;
    Path* path_;
    std::uint32_t window_;
    window_aim aim_{};
    reaim_step step_ = reaim_step::idle;
    reaim_step failed_at_ = reaim_step::idle;
    errc error_ = errc::ok;
    bool uncertain_ = false;
    std::uint32_t tries_ = 0;
};

}  // namespace ashlar
