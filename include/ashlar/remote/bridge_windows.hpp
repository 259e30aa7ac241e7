// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/explain.hpp>
#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/window_descriptor.hpp>
#include <ashlar/remote/window_gate.hpp>
#include <ashlar/remote/window_path.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The windows of a bridge as a `window_aimer`, what a window cache asks for: windows of one size, aimed by
/// running a `reaiming` to its end. The state is in `words_needed(windows)` words of the caller's,
/// zeroed.
///
/// `aim` and `disable`: `ok`, `busy` (pins are left, or the programmer took more than `patience` steps), or
/// the error of the step that failed; the window then leads nowhere. `misaligned` and others from `explain`:
/// a block that the bridge cannot show, nothing done.
///
/// Context: thread, one caller a window.
template <atomics Platform, window_programmer Programmer, window_path Path>
class bridge_windows {
 public:
    using gate_type = window_gate<Platform>;
    using word = typename gate_type::word;

    [[nodiscard]] static constexpr std::size_t words_needed(std::uint32_t windows) noexcept {
        return gate_type::words * windows;
    }

    constexpr bridge_windows(Programmer& programmer, Path& path) noexcept
        : programmer_(&programmer), path_(&path) {}

    /// `places`: where the windows of `kind` are on this side, by number. `block`: how many bytes each is to
    /// show: a power of two that the bridge can show at each multiple of itself. `limit`: not enough words;
    /// `unsupported`: the bridge has no register for a target (`window_descriptor::has_target`).
    constexpr errc attach(const window_descriptor& descriptor, window_kind kind,
                          view<const byte_address<machine>> places, std::uint64_t block, view<word> words,
                          std::uint32_t patience) noexcept {
        const std::uint32_t most = kind == window_kind::slice ? descriptor.slices : descriptor.windows;
        if (!descriptor.has_target) return errc::unsupported;
        if (places.empty() || places.size() > most) return errc::invalid;
        if (block == 0 || (block & (block - 1)) != 0) return errc::misaligned;
        if (const window_rule rule = explain(descriptor, {{0}, block}, kind).rule;
            rule != window_rule::kept) {
            if (rule != window_rule::fixed_target) return to_errc(rule);
        }
        if (kind == window_kind::direct && descriptor.alignment == alignment_rule::aperture &&
            block != descriptor.aperture) {
            return errc::misaligned;
        }
        if (words.size() < words_needed(static_cast<std::uint32_t>(places.size()))) return errc::limit;
        descriptor_ = descriptor;
        kind_ = kind;
        places_ = places;
        block_ = block;
        words_ = words;
        patience_ = patience;
        return errc::ok;
    }

    [[nodiscard]] constexpr std::uint32_t windows() const noexcept {
        return static_cast<std::uint32_t>(places_.size());
    }
    [[nodiscard]] constexpr std::uint64_t block_bytes() const noexcept { return block_; }
    [[nodiscard]] constexpr byte_address<machine> local_of(std::uint32_t window) const noexcept {
        return places_[window];
    }
    [[nodiscard]] constexpr std::uint64_t cost_of(std::uint32_t) const noexcept {
        return descriptor_.reaim_ns;
    }
    [[nodiscard]] constexpr bool is_last_in_first_out() const noexcept {
        return descriptor_.order == commit_order::stack;
    }
    /// For users who pin the window itself.
    [[nodiscard]] constexpr gate_type gate(std::uint32_t window) const noexcept {
        return gate_type(words_.data() + gate_type::words * window);
    }

    constexpr errc aim(std::uint32_t window, byte_address<peer> block) noexcept {
        const window_target one{window, block};
        return aim_all({&one, 1});
    }
    /// Several windows, each at another block: all or none of them. No window is there twice. Commands,
    /// fences and read-backs that do for several are made once (`reaiming`). What cannot be shown is
    /// refused before anything is done; after a later error none of these windows leads anywhere.
    constexpr errc aim_all(view<const window_target> targets) noexcept {
        for (const window_target& each : targets) {
            if (each.window >= windows()) return errc::invalid;
            const explanation why = explain(descriptor_, {each.block, block_}, kind_);
            if (!why.legal()) return to_errc(why.rule);
        }
        machine_type all(words_, *programmer_, *path_);
        const errc begun = all.begin(targets, block_);
        return begun == errc::ok ? finish(all, targets.size()) : begun;
    }
    constexpr errc disable(std::uint32_t window) noexcept {
        if (window >= windows()) return errc::invalid;
        machine_type one(gate(window), *programmer_, *path_, window);
        const errc begun = one.begin_closing();
        return begun == errc::ok ? finish(one, 1) : begun;
    }

 private:
    using machine_type = reaiming<Platform, Programmer, Path>;

    /// What takes too long ends closed, not half done; pins that do not go leave all as it was.
    constexpr errc finish(machine_type& some, std::size_t count) noexcept {
        const auto steps = static_cast<std::uint32_t>(patience_ * count);
        const errc answer = some.run(steps);
        if (!some.under_way()) return answer;
        if (some.give_up() == errc::ok) return errc::busy;
        return some.abandon(errc::unreadable, steps);
    }

    Programmer* programmer_;
    Path* path_;
    window_descriptor descriptor_{};
    window_kind kind_ = window_kind::direct;
    view<const byte_address<machine>> places_{};
    std::uint64_t block_ = 0;
    view<word> words_{};
    std::uint32_t patience_ = 0;
};

}  // namespace ashlar
