// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/window_aimer.hpp>
#include <ashlar/remote/window_gate.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Aims several windows of one bridge anew, all or none: the steps of `reaiming`, each for all windows before
/// the next one, so that what one command, one read-back or one fence does is done once.
///
/// | step | of each window | once |
/// |---|---|---|
/// | claim, close | admission | |
/// | drain | its pins are gone | |
/// | fence, flush | a load through it, if it shows anything | store fence before, check of the link behind |
/// | disable | in the bridge | in a group: seen closed, or configured, once |
/// | write, verify, enable | translation, what the bridge has of it, open | in a group, or each by itself |
/// | confirm | it is open | check of the link |
/// | publish | aim and generation, gate (release) | |
///
/// The same order holds for every pair of steps, hence also for each window alone: no gate opens before all
/// windows are confirmed, and none is disabled before all are drained and flushed. Gates are claimed one
/// after the other and without waiting: of two who want windows of each other one is told `busy`.
///
/// Failure: as of `reaiming`, for all windows: a claim that is not had and `give_up` leave all as it was, but
/// for what closed gates told; a later error leaves each one closed, in the bridge and in the gate, which
/// tells why. `uncertain()`: the bridge did not say so of each.
///
/// Context: thread, one caller. The list of targets outlives it, and has no window twice (`busy`). Steps are
/// O(1), but for claiming, the look at pins, giving up and publishing, which are O(windows).
///
/// ```
/// const ashlar::window_target both[] = {{0, {0x40'0000'0000}}, {1, {0x40'0010'0000}}};
/// ashlar::reaiming_group<my_platform, programmer, path> aim(gates, registers, link);
/// if (aim.begin(both, 0x10'0000) == ashlar::errc::ok) done = aim.run(1000);
/// ```
template <atomics Platform, window_programmer Programmer, window_path Path>
class reaiming_group {
 public:
    using gate_type = window_gate<Platform>;
    using word = typename gate_type::word;

    /// `gates`: the words of all gates of the bridge, by number of the window.
    constexpr reaiming_group(view<word> gates, Programmer& programmer, Path& path) noexcept
        : gates_(gates), programmer_(&programmer), path_(&path) {}

    /// Closes admission to all. `invalid`: no window, no bytes, a window that is not there, or not ended
    /// before; `busy`: someone else aims one of them, and none was closed.
    constexpr errc begin(view<const window_target> targets, std::uint64_t length) noexcept {
        if (under_way() || targets.empty() || length == 0) return errc::invalid;
        for (const window_target& each : targets)
            if (each.window >= gates_.size() / gate_type::words) return errc::invalid;
        for (std::size_t i = 0; i < targets.size(); ++i) {
            const errc claimed = gate(targets[i]).claim();
            if (claimed == errc::ok) continue;
            for (std::size_t undone = 0; undone < i; ++undone) leave_as_it_was(targets[undone]);
            return claimed;
        }
        targets_ = targets;
        bytes_ = length;
        error_ = errc::ok;
        failed_at_ = reaim_step::idle;
        uncertain_ = false;
        is_grouped_ = false;
        tries_ = 0;
        return go_on(reaim_step::drain);
    }
    [[nodiscard]] constexpr bool under_way() const noexcept { return step_ != reaim_step::idle; }
    [[nodiscard]] constexpr reaim_step at() const noexcept { return step_; }
    /// After a failure: the bridge did not say of each window that it is closed.
    [[nodiscard]] constexpr bool uncertain() const noexcept { return uncertain_; }
    /// After a failure: in which step.
    [[nodiscard]] constexpr reaim_step failed_at() const noexcept { return failed_at_; }

    /// One step, as of `reaiming`.
    constexpr errc step() noexcept {
        switch (step_) {
            case reaim_step::idle:
                return errc::invalid;
            case reaim_step::drain:
                for (const window_target& each : targets_)
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
                for (const window_target& each : targets_) gate(each).publish({each.block, bytes_});
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
    /// Gives up waiting for pins: all windows are as before. `invalid` once they are drained.
    constexpr errc give_up() noexcept {
        if (step_ != reaim_step::drain) return errc::invalid;
        for (const window_target& each : targets_) leave_as_it_was(each);
        return go_on(reaim_step::idle);
    }
    /// It takes too long: what is left to do is to close all windows, as after an error; in `attempts` steps,
    /// or it ends with the gates closed, whatever the bridge has. Returns the error.
    constexpr errc abandon(errc why, std::uint32_t attempts) noexcept {
        if (!under_way()) return errc::invalid;
        (void)fail(why);
        if (const errc last = run(attempts); !under_way()) return last;
        if constexpr (has_groups) programmer_->abandon_group();
        uncertain_ = true;
        close_gates(error_);
        return error_;
    }

 private:
    static constexpr std::uint32_t tries_to_close = 64;
    static constexpr bool has_groups = grouping_programmer<Programmer>;

    [[nodiscard]] constexpr gate_type gate(const window_target& target) const noexcept {
        return gate_type(gates_.data() + gate_type::words * target.window);
    }
    [[nodiscard]] constexpr bool shows_nothing(const window_target& target) const noexcept {
        return gate(target).generation() == 0 || gate(target).aim().bytes == 0;
    }
    constexpr void leave_as_it_was(const window_target& target) const noexcept {
        if (shows_nothing(target)) {
            gate(target).leave_closed(errc::ok);
        } else {
            gate(target).reopen();
        }
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
        step_ = reaim_step::take_back;
        next_ = 0;
        return errc::busy;
    }
    /// This window is done: the next one, or the next step.
    constexpr errc advance(reaim_step next) noexcept {
        return ++next_ < targets_.size() ? errc::ok : go_on(next);
    }
    /// The same where there are groups. A programmer without them may keep one translation at a time: the
    /// next step of this window.
    constexpr errc advance_or_go_on(reaim_step next) noexcept {
        if constexpr (has_groups) return advance(next);
        step_ = next;
        return errc::ok;
    }
    /// Opens the programmer's group, if it has any, and is not open yet.
    constexpr errc open_group() noexcept {
        if constexpr (has_groups) {
            if (is_grouped_) return errc::ok;
            const errc answer = programmer_->begin_group();
            is_grouped_ = answer == errc::ok;
            return answer;
        }
        return errc::ok;
    }
    constexpr errc close_group() noexcept {
        if constexpr (has_groups) {
            if (!is_grouped_) return errc::ok;
            const errc answer = programmer_->end_group();
            if (answer != errc::busy) is_grouped_ = false;
            return answer;
        }
        return errc::ok;
    }
    [[nodiscard]] constexpr errc failed_or_busy(errc answer) noexcept {
        return answer == errc::busy ? answer : fail(answer);
    }

    constexpr errc flush() noexcept {
        const window_target& each = targets_[next_];
        if (!shows_nothing(each) && all_ones(path_->read_back(each.window))) {
            // Data, or nobody there.
            if (const errc link = path_->check_link(); link != errc::ok) return fail(link);
        }
        return advance(reaim_step::disable);
    }
    /// What was done to the windows in a group takes effect.
    constexpr errc finish_group(reaim_step next) noexcept {
        const errc closed = close_group();
        return closed == errc::ok ? go_on(next) : failed_or_busy(closed);
    }
    constexpr errc disable() noexcept {
        if (next_ == targets_.size()) return finish_group(reaim_step::write);
        if (const errc open = open_group(); open != errc::ok) return failed_or_busy(open);
        const errc answer = programmer_->disable(targets_[next_].window);
        if (answer != errc::ok) return failed_or_busy(answer);
        ++next_;
        return errc::ok;
    }
    constexpr errc write() noexcept {
        if (const errc open = open_group(); open != errc::ok) return failed_or_busy(open);
        const window_target& each = targets_[next_];
        const errc answer = programmer_->write(each.window, {each.block, bytes_});
        return answer == errc::ok ? advance_or_go_on(reaim_step::verify) : failed_or_busy(answer);
    }
    constexpr errc verify() noexcept {
        const window_target& each = targets_[next_];
        const result<byte_address<peer>> found = programmer_->read(each.window);
        if (!found) return failed_or_busy(found.error());
        return *found == each.block ? advance_or_go_on(reaim_step::enable) : fail(errc::corrupt);
    }
    constexpr errc enable() noexcept {
        if (next_ == targets_.size()) return finish_group(reaim_step::confirm);
        const window_target& each = targets_[next_];
        const errc answer = programmer_->enable(each.window, {each.block, bytes_});
        if (answer != errc::ok) return failed_or_busy(answer);
        ++next_;
        if (!has_groups && next_ < targets_.size()) step_ = reaim_step::write;
        return errc::ok;
    }
    constexpr errc confirm() noexcept {
        const result<bool> open = programmer_->enabled(targets_[next_].window);
        if (!open) return failed_or_busy(open.error());
        if (!*open) return fail(errc::corrupt);
        if (next_ + 1 < targets_.size()) return advance(reaim_step::publish);
        const errc link = path_->check_link();
        return link == errc::ok ? go_on(reaim_step::publish) : fail(link);
    }
    /// Each window is closed in the bridge, by itself or in a group; what does not close is not waited for.
    constexpr errc take_back() noexcept {
        errc answer = errc::ok;
        if (next_ == 0) answer = open_group();
        if (answer == errc::ok && next_ < targets_.size()) {
            answer = programmer_->disable(targets_[next_].window);
            if (answer == errc::busy && ++tries_ < tries_to_close) return answer;
            uncertain_ = uncertain_ || answer != errc::ok;
            tries_ = 0;
            ++next_;
            return errc::busy;
        }
        if (answer == errc::ok) answer = close_group();
        if (answer == errc::busy && ++tries_ < tries_to_close) return answer;
        uncertain_ = uncertain_ || answer != errc::ok;
        close_gates(error_);
        return error_;
    }
    constexpr void close_gates(errc why) noexcept {
        for (const window_target& each : targets_) {
            gate(each).forget();
            gate(each).leave_closed(why);
        }
        step_ = reaim_step::idle;
    }

    view<word> gates_;
    Programmer* programmer_;
    Path* path_;
    view<const window_target> targets_{};
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
