// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/testing/call.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar::testing {

/// A source that owns nothing and writes down every call: what a layer is wrapped around to see that each
/// verb arrives exactly once, with its arguments, inside the layer's effect.
///
/// `observe` is asked at each call (how deep the guard is held, whether the lock word is set); its answer is
/// recorded with the call. What the verbs answer is set beforehand.
/// - Complexity: constant a call.
/// - Context: one caller at a time; hosted.
///
/// Example:
/// ```
/// ashlar::counted<ashlar::testing::probe<>> layer;
/// layer.inner().answers.first = {64};
/// (void)layer.allocate({.order = 3});
/// layer.inner().calls().size();           // 1
/// ```
template <class Platform = platform>
class probe {
 public:
    using platform_type = Platform;
    using space = typename Platform::space;
    using word = typename Platform::template atomic<std::uint32_t>;

    static constexpr unsigned top_order = 10;
    static constexpr unsigned isolation_order = 4;
    static constexpr std::size_t words_wanted = 3;

    /// A call that arrived, and what it saw of the surroundings.
    struct record {
        call<space> made{};
        std::uint64_t observed = 0;
    };
    /// What the verbs answer.
    struct script {
        errc error = errc::ok;
        frame<space> first{64};
        std::uint64_t count = 7;  ///< `revoke` and `free_frames`
        bool owned = true;
    };

    script answers{};
    std::uint64_t (*observe)() = nullptr;
    /// The words that `attach` was given.
    view<word> words{};

    [[nodiscard]] const std::vector<record>& calls() const noexcept { return calls_; }
    void forget() noexcept { calls_.clear(); }

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space>) noexcept { return words_wanted; }
    errc attach(range<space> frames, view<word> given, start how) noexcept {
        words = given;
        return note({.which = verb::attach, .frames = frames, .how = how});
    }
    /// `live` is asked about the first frame of the range.
    template <class Live>
    errc attach(range<space> frames, view<word> given, start how, Live&& live) noexcept {
        words = given;
        return note(
            {.which = verb::attach, .frames = frames, .order = live(frames.first) ? 1u : 0u, .how = how});
    }
    errc detach(range<space> frames) noexcept { return note({.which = verb::detach, .frames = frames}); }
    errc online(range<space> frames) noexcept { return note({.which = verb::online, .frames = frames}); }
    errc offline(range<space> frames) noexcept { return note({.which = verb::offline, .frames = frames}); }
    errc isolate(range<space> frames) noexcept { return note({.which = verb::isolate, .frames = frames}); }
    errc readmit(range<space> frames) noexcept { return note({.which = verb::readmit, .frames = frames}); }
    result<std::uint64_t> revoke(range<space> frames) noexcept {
        const errc error = note({.which = verb::revoke, .frames = frames});
        return error == errc::ok ? result<std::uint64_t>(answers.count) : error;
    }
    result<frame<space>> allocate(request<space> wanted) noexcept {
        const errc error = note({.which = verb::allocate, .wanted = wanted});
        return error == errc::ok ? result<frame<space>>(answers.first) : error;
    }
    errc allocate_at(range<space> frames) noexcept {
        return note({.which = verb::allocate_at, .frames = frames});
    }
    errc free(frame<space> first, unsigned order) noexcept {
        return note({.which = verb::free, .frames = {first, 0}, .order = order});
    }
    void drain() noexcept { (void)note({.which = verb::drain}); }
    void drain(cpu_id cpu) noexcept { (void)note({.which = verb::drain_cpu, .cpu = cpu}); }
    [[nodiscard]] bool owns(frame<space> f) const noexcept {
        (void)note({.which = verb::owns, .frames = {f, 0}});
        return answers.owned;
    }
    [[nodiscard]] std::uint64_t free_frames() const noexcept {
        (void)note({.which = verb::free_frames});
        return answers.count;
    }
    /// One range, which begins at `answers.first`.
    template <class Sink>
    void visit_free(Sink&& sink) const noexcept {
        (void)note({.which = verb::visit_free});
        sink(range<space>{answers.first, answers.count});
    }
    [[nodiscard]] errc validate() const noexcept { return note({.which = verb::validate}); }
    /// One figure.
    template <class Sink>
    void describe(Sink&& sink) const noexcept {
        (void)note({.which = verb::describe});
        sink("count", answers.count);
    }

 private:
    errc note(call<space> made) const noexcept {
        calls_.push_back({made, observe == nullptr ? 0 : observe()});
        return answers.error;
    }

    mutable std::vector<record> calls_;
};

}  // namespace ashlar::testing
