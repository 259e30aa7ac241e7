// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/reaim_step.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/remote/window_gate.hpp>
#include <ashlar/remote/window_path.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Aims windows of one bridge anew, all or none, so that no store that is under way arrives at a new place,
/// and no access meets half a translation. Divisible: each `step` is short and waits for nothing. A window
/// alone is a group of one.
///
/// Protocol, in this order; each line needs the ones before it, and is done for all windows before the next
/// one begins, so that what one command, one read-back or one fence does is done once:
///
/// | step | of each window | once | what it is for |
/// |---|---|---|---|
/// | claim, close | admission | | nobody new comes in (`window_gate`) |
/// | drain | its pins are gone | | stores of users are issued (a pin's release, acquire here) |
/// | fence | | store fence | own stores leave the CPU |
/// | flush | a load through it, if it shows anything | check of the link, if all ones | stores have arrived |
/// | disable | in the bridge | it is seen | what is late passes no half-written translation |
/// | write | halves of 32 bits one after the other | | |
/// | verify | what the bridge has of it | | it has taken effect, and no bit of it is lost |
/// | enable | in the bridge | it is seen | what is posted to registers is there before the first user |
/// | confirm | it is open | check of the link | the peer still is the one that it was |
/// | publish | aim and generation, gate (release) | | new pins find what the bridge shows |
///
/// "Seen" is said of each by itself where the programmer has no groups (`grouping_programmer`), and writing
/// goes on to enabling window by window there: such a programmer may keep one translation at a time. No gate
/// opens before all windows are confirmed, and none is disabled before all are drained and flushed. Gates are
/// claimed one after the other and without waiting: of two who want windows of each other one is told `busy`.
///
/// Failure: a claim that is not had and `give_up` leave all as it was. A later error leaves each window
/// closed, in the bridge and in the gate, which tells its users: `revoked` (nothing answers, or another
/// peer), `corrupt` (the bridge has another translation, a misaligned target as a rule, or does not close or
/// open), what the programmer answers. If the bridge does not even say of each that it is closed,
/// `uncertain()`: the gates stay closed all the same. It can be begun again.
///
/// Context: thread; one caller. Steps are O(1) and a few register accesses, but for claiming, the look at
/// pins, giving up and publishing, which are O(windows). Source: patent CN103823638; Linux and DPDK set a
/// window once, before its first use.
///
/// ```
/// ashlar::reaiming<my_platform, programmer, path> aim(gate, registers, link, window);
/// if (aim.begin({{0x40'0000'0000}, 0x10'0000}) == ashlar::errc::ok) {
///     ashlar::errc done = ashlar::errc::busy;
///     while (aim.under_way()) done = aim.step();      // other work between: busy says that it has to wait
/// }
/// const ashlar::window_target both[] = {{0, {0x40'0000'0000}}, {1, {0x40'0010'0000}}};
/// ashlar::reaiming<my_platform, programmer, path> aim_both(gates, registers, link);
/// if (aim_both.begin(both, 0x10'0000) == ashlar::errc::ok) done = aim_both.run(1000);
/// ```
template <atomics Platform, window_programmer Programmer, window_path Path>
class reaiming {
 public:
    using gate_type = window_gate<Platform>;
    using word = typename gate_type::word;

    /// `gates`: the words of the gates of windows `first` and on, by number of the window.
    constexpr reaiming(view<word> gates, Programmer& programmer, Path& path, std::uint32_t first = 0) noexcept
        : gates_(gates), programmer_(&programmer), path_(&path), alone_{first, {}} {}
    /// One window, which has this gate.
    constexpr reaiming(gate_type gate, Programmer& programmer, Path& path, std::uint32_t window) noexcept
        : reaiming(gate.storage(), programmer, path, window) {}

    /// Closes admission to all. The list outlives the re-aiming, and has no window twice (`busy`). `invalid`:
    /// no window, no bytes, a window that is not there, or one begun before has not ended; `busy`: someone
    /// else aims one of them, and none was closed.
    constexpr errc begin(view<const window_target> targets, std::uint64_t length) noexcept {
        if (length == 0 || targets.empty() || under_way()) return errc::invalid;
        return start(targets, length);
    }
    /// As `begin`, of the first window alone.
    constexpr errc begin(const window_aim& aim) noexcept {
        if (aim.bytes == 0 || under_way()) return errc::invalid;
        alone_.block = aim.target;
        return start({}, aim.bytes);
    }
    /// As `begin`, but the first window is to show nothing: users find `not_covered`. A link that is lost
    /// holds nobody up: to close a window the peer is not needed.
    constexpr errc begin_closing() noexcept { return under_way() ? errc::invalid : start({}, 0); }
    [[nodiscard]] constexpr bool under_way() const noexcept { return step_ != reaim_step::idle; }
    [[nodiscard]] constexpr reaim_step at() const noexcept { return step_; }
    /// After a failure: the bridge did not say of each window that it is closed.
    [[nodiscard]] constexpr bool uncertain() const noexcept { return uncertain_; }
    /// After a failure: in which step.
    [[nodiscard]] constexpr reaim_step failed_at() const noexcept { return failed_at_; }

    /// One step. `ok`: it is done (with `under_way()` false: all is); `busy`: it is not, call again; else it
    /// failed, and the windows are closed once `under_way()` is false.
    constexpr errc step() noexcept {
        switch (step_) {
            case reaim_step::idle:
                return errc::invalid;
            case reaim_step::drain:
                for (const window_target& each : targets())
                    if (!gate(each).drained()) return errc::busy;
                return go_on(reaim_step::fence);
            case reaim_step::fence:
                path_->store_fence();
                return go_on(reaim_step::flush);
            case reaim_step::flush:
                return flush();
            case reaim_step::disable:
                return disable();
            case reaim_step::write:
                return write();
            case reaim_step::verify:
                return verify();
            case reaim_step::enable:
                return enable();
            case reaim_step::confirm:
                return confirm();
            case reaim_step::publish:
                return publish();
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
    /// Gives up waiting for pins: all windows are as before. `invalid` once they are drained.
    constexpr errc give_up() noexcept {
        if (step_ != reaim_step::drain) return errc::invalid;
        for (const window_target& each : targets()) leave_as_it_was(each);
        return go_on(reaim_step::idle);
    }
    /// It takes too long: what is left to do is to close all windows, as after an error; in `attempts` steps,
    /// or it ends with the gates closed, whatever the bridge has. Returns the error.
    constexpr errc abandon(errc why, std::uint32_t attempts) noexcept {
        if (!under_way()) return errc::invalid;
        (void)fail(why);
        const errc last = run(attempts);
        return under_way() ? end_uncertain() : last;
    }

 private:
    static constexpr std::uint32_t tries_to_close = 64;
    static constexpr bool has_groups = grouping_programmer<Programmer>;

    [[nodiscard]] constexpr view<const window_target> targets() const noexcept {
        return targets_.empty() ? view<const window_target>{&alone_, 1} : targets_;
    }
    [[nodiscard]] constexpr gate_type gate(const window_target& target) const noexcept {
        return gate_type(gates_.data() + gate_type::words * (target.window - alone_.window));
    }
    [[nodiscard]] constexpr bool shows_nothing(const window_target& target) const noexcept {
        return gate(target).generation() == 0 || gate(target).aim().bytes == 0;
    }
    constexpr void leave_as_it_was(const window_target& target) const noexcept {
        if (shows_nothing(target)) {
            gate(target).stay_closed();
        } else {
            gate(target).reopen();
        }
    }
    /// Without targets: the first window alone. Without bytes: it is to show nothing.
    constexpr errc start(view<const window_target> wanted, std::uint64_t length) noexcept {
        targets_ = wanted;
        bytes_ = length;
        for (const window_target& each : targets())
            if (each.window - alone_.window >= gates_.size() / gate_type::words) return errc::invalid;
        for (std::size_t i = 0; i < targets().size(); ++i) {
            const errc claimed = gate(targets()[i]).claim();
            if (claimed == errc::ok) continue;
            for (std::size_t undone = 0; undone < i; ++undone) leave_as_it_was(targets()[undone]);
            return claimed;
        }
        error_ = errc::ok;
        failed_at_ = reaim_step::idle;
        uncertain_ = false;
        is_grouped_ = false;
        tries_ = 0;
        return go_on(reaim_step::drain);
    }
    constexpr errc go_on(reaim_step next) noexcept {
        step_ = next;
        next_ = 0;
        return errc::ok;
    }
    constexpr errc fail(errc error) noexcept {
        if (step_ != reaim_step::take_back) {
            error_ = error;
            failed_at_ = step_;
        }
        // Windows are closed in a group of its own: one that is ending takes nothing any more.
        if (is_grouped_) abandon_group();
        (void)go_on(reaim_step::take_back);
        return errc::busy;
    }
    [[nodiscard]] constexpr errc failed_or_busy(errc answer) noexcept {
        return answer == errc::busy ? answer : fail(answer);
    }
    [[nodiscard]] constexpr const window_target& current() const noexcept { return targets()[next_]; }
    [[nodiscard]] constexpr bool all_done() const noexcept { return next_ == targets().size(); }
    /// This window is done: the next one, or the next step.
    constexpr errc advance(reaim_step next) noexcept {
        return ++next_ < targets().size() ? errc::ok : go_on(next);
    }
    /// The same where there are groups; else the next step of this window.
    constexpr errc advance_or_go_on(reaim_step next) noexcept {
        if constexpr (has_groups) return advance(next);
        step_ = next;
        return errc::ok;
    }
    /// Opens the programmer's group, if it has any, and is not open yet.
    constexpr errc open_group() noexcept {
        errc answer = errc::ok;
        if constexpr (has_groups) {
            if (!is_grouped_) answer = programmer_->begin_group();
            is_grouped_ = answer == errc::ok;
        }
        return answer;
    }
    constexpr errc close_group() noexcept {
        errc answer = errc::ok;
        if constexpr (has_groups) {
            if (is_grouped_) answer = programmer_->end_group();
            is_grouped_ = answer == errc::busy;
        }
        return answer;
    }
    constexpr void abandon_group() noexcept {
        if constexpr (has_groups) programmer_->abandon_group();
        is_grouped_ = false;
    }
    /// What was done to the windows in a group takes effect.
    constexpr errc finish_group(reaim_step next) noexcept {
        const errc closed = close_group();
        return closed == errc::ok ? go_on(next) : failed_or_busy(closed);
    }

    constexpr errc flush() noexcept {
        // A window that shows nothing has nothing under way.
        if (!shows_nothing(current()) && all_ones(path_->read_back(current().window))) {
            // Data, or nobody there.
            const errc link = path_->check_link();
            if (link != errc::ok && bytes_ != 0) return fail(link);
        }
        return advance(reaim_step::disable);
    }
    constexpr errc disable() noexcept {
        if (all_done()) return finish_group(bytes_ != 0 ? reaim_step::write : reaim_step::publish);
        if (const errc open = open_group(); open != errc::ok) return failed_or_busy(open);
        const errc answer = programmer_->disable(current().window);
        if (answer != errc::ok) return failed_or_busy(answer);
        ++next_;
        return errc::ok;
    }
    constexpr errc write() noexcept {
        if (const errc open = open_group(); open != errc::ok) return failed_or_busy(open);
        const errc answer = programmer_->write(current().window, {current().block, bytes_});
        return answer == errc::ok ? advance_or_go_on(reaim_step::verify) : failed_or_busy(answer);
    }
    constexpr errc verify() noexcept {
        const result<byte_address<peer>> found = programmer_->read(current().window);
        if (!found) return failed_or_busy(found.error());
        return *found == current().block ? advance_or_go_on(reaim_step::enable) : fail(errc::corrupt);
    }
    constexpr errc enable() noexcept {
        if (all_done()) return finish_group(reaim_step::confirm);
        const errc answer = programmer_->enable(current().window, {current().block, bytes_});
        if (answer != errc::ok) return failed_or_busy(answer);
        ++next_;
        if (!has_groups && !all_done()) step_ = reaim_step::write;
        return errc::ok;
    }
    constexpr errc confirm() noexcept {
        const result<bool> open = programmer_->enabled(current().window);
        if (!open) return failed_or_busy(open.error());
        if (!*open) return fail(errc::corrupt);
        if (next_ + 1 < targets().size()) return advance(reaim_step::publish);
        const errc link = path_->check_link();
        return link == errc::ok ? go_on(reaim_step::publish) : fail(link);
    }
    constexpr errc publish() noexcept {
        if (bytes_ == 0) return close_gates(errc::ok);
        for (const window_target& each : targets()) gate(each).publish({each.block, bytes_});
        return go_on(reaim_step::idle);
    }
    /// Each window is closed in the bridge, by itself or in a group; what does not close is not waited for.
    constexpr errc take_back() noexcept {
        errc answer = errc::ok;
        if (next_ == 0) answer = open_group();
        if (answer == errc::ok && !all_done()) {
            answer = programmer_->disable(current().window);
            if (answer == errc::busy && ++tries_ < tries_to_close) return answer;
            uncertain_ = uncertain_ || answer != errc::ok;
            tries_ = 0;
            ++next_;
            return errc::busy;
        }
        if (answer == errc::ok) answer = close_group();
        if (answer == errc::busy && ++tries_ < tries_to_close) return answer;
        return answer == errc::ok ? close_gates(error_) : end_uncertain();
    }
    constexpr errc end_uncertain() noexcept {
        abandon_group();
        uncertain_ = true;
        return close_gates(error_);
    }
    constexpr errc close_gates(errc why) noexcept {
        for (const window_target& each : targets()) {
            gate(each).forget();
            gate(each).leave_closed(why);
        }
        step_ = reaim_step::idle;
        return why;
    }

    view<word> gates_;
    Programmer* programmer_;
    Path* path_;
    view<const window_target> targets_{};
    window_target alone_;  ///< the first window, which is aimed if there are no targets
    std::uint64_t bytes_ = 0;
    std::size_t next_ = 0;
    std::uint32_t tries_ = 0;
    reaim_step step_ = reaim_step::idle;
    reaim_step failed_at_ = reaim_step::idle;
    errc error_ = errc::ok;
    bool uncertain_ = false;
    bool is_grouped_ = false;
};

}  // namespace ashlar
