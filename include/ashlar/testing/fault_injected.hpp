// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/testing/call.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::testing {

/// Which calls fail, and how. Calls that `matches` accepts (all, where it is null) are counted from 1; of
/// these the `nth` fails, and each multiple of `every`; with both 0 all of them fail.
///
/// Example: the third allocation of a huge block says that memory is exhausted.
/// ```
/// ashlar::testing::fault_plan<> plan{.error = ashlar::errc::exhausted, .nth = 3};
/// plan.matches = [](const ashlar::testing::call<>& made, void*) {
///     return made.which == ashlar::testing::verb::allocate && made.wanted.order == 9;
/// };
/// ```
template <class Space = machine>
struct fault_plan {
    errc error = errc::exhausted;
    std::uint64_t nth = 0;
    std::uint64_t every = 0;
    bool (*matches)(const call<Space>& made, void* context) = nullptr;
    void* context = nullptr;
    bool armed = true;
};

/// A source whose verbs fail when a plan says so, for the tests of whatever is built on it. A call that is
/// made to fail does not reach the source: failing leaves the state unchanged.
///
/// Verbs that answer an error can fail (`attach` to `free`; taking rows or lines counts as `allocate`);
/// `drain`, giving rows or lines, and the const verbs always reach the source. Without a plan the layer is
/// not there.
/// - Complexity: that of the source and the predicate.
/// - Context: one caller at a time.
template <class Source>
class fault_injected : public row_properties<Source> {
    static_assert(frame_source<Source>, "fault_injected<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    /// Takes effect at the next call and counts from there.
    constexpr void set_plan(fault_plan<space> plan) noexcept {
        plan_ = plan;
        matched_ = 0;
        injected_ = 0;
    }
    constexpr void clear_plan() noexcept { set_plan({.armed = false}); }
    /// How many calls the plan has made to fail.
    [[nodiscard]] constexpr std::uint64_t injected() const noexcept { return injected_; }

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return Source::metadata_words(frames);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        if (fails({.which = verb::attach, .frames = frames, .how = how})) return plan_.error;
        return inner_.attach(frames, words, how);
    }
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        if (fails({.which = verb::attach, .frames = frames, .how = how})) return plan_.error;
        return inner_.attach(frames, words, how, live);
    }
    constexpr errc detach(range<space> frames) noexcept {
        return fails({.which = verb::detach, .frames = frames}) ? plan_.error : inner_.detach(frames);
    }
    constexpr errc online(range<space> frames) noexcept {
        return fails({.which = verb::online, .frames = frames}) ? plan_.error : inner_.online(frames);
    }
    constexpr errc offline(range<space> frames) noexcept {
        return fails({.which = verb::offline, .frames = frames}) ? plan_.error : inner_.offline(frames);
    }
    constexpr errc isolate(range<space> frames) noexcept {
        return fails({.which = verb::isolate, .frames = frames}) ? plan_.error : inner_.isolate(frames);
    }
    constexpr errc readmit(range<space> frames) noexcept {
        return fails({.which = verb::readmit, .frames = frames}) ? plan_.error : inner_.readmit(frames);
    }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        if (fails({.which = verb::revoke, .frames = frames})) return plan_.error;
        return inner_.revoke(frames);
    }
    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        if (fails({.which = verb::allocate, .wanted = wanted})) return plan_.error;
        return inner_.allocate(wanted);
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        return fails({.which = verb::allocate_at, .frames = frames}) ? plan_.error
                                                                     : inner_.allocate_at(frames);
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        if (fails({.which = verb::free, .frames = {first, 0}, .order = order})) return plan_.error;
        return inner_.free(first, order);
    }
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    template <row_source Rows = Source>
    constexpr auto take_row(request<space> wanted, frame<space> near) noexcept {
        using taken = decltype(inner_.take_row(wanted, near));
        return fails({.which = verb::allocate, .wanted = wanted}) ? taken(plan_.error)
                                                                  : inner_.take_row(wanted, near);
    }
    template <row_source Rows = Source>
    constexpr auto steal_row(request<space> wanted) noexcept {
        using taken = decltype(inner_.steal_row(wanted));
        return fails({.which = verb::allocate, .wanted = wanted}) ? taken(plan_.error)
                                                                  : inner_.steal_row(wanted);
    }
    template <row_source Rows = Source>
    constexpr auto take_lines(request<space> wanted, unsigned window_order, frame<space> near) noexcept {
        using taken = decltype(inner_.take_lines(wanted, window_order, near));
        return fails({.which = verb::allocate, .wanted = wanted})
                   ? taken(plan_.error)
                   : inner_.take_lines(wanted, window_order, near);
    }
    template <row_source Rows = Source>
    constexpr auto give_row(frame<space> first, typename Rows::row_bits mask) noexcept {
        return inner_.give_row(first, mask);
    }
    template <row_source Rows = Source>
    constexpr auto give_lines(frame<space> first, typename Rows::row_bits mask) noexcept {
        return inner_.give_lines(first, mask);
    }
    template <row_source Rows = Source>
    [[nodiscard]] constexpr bool offers_row(frame<space> first) const noexcept {
        return inner_.offers_row(first);
    }
    template <row_source Rows = Source>
    [[nodiscard]] constexpr mobility class_of(frame<space> first) const noexcept {
        return inner_.class_of(first);
    }
    template <row_source Rows = Source>
    constexpr void set_class_of(frame<space> first, mobility to) noexcept {
        inner_.set_class_of(first, to);
    }
    constexpr void drain() noexcept { inner_.drain(); }
    constexpr void drain(cpu_id cpu) noexcept { inner_.drain(cpu); }
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept { return inner_.free_frames(); }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    [[nodiscard]] constexpr errc validate() const noexcept { return inner_.validate(); }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        inner_.describe(sink);
    }

    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    [[nodiscard]] constexpr bool fails(const call<space>& made) noexcept {
        if (!plan_.armed || (plan_.matches != nullptr && !plan_.matches(made, plan_.context))) return false;
        ++matched_;
        const bool all = plan_.nth == 0 && plan_.every == 0;
        const bool due = all || matched_ == plan_.nth || (plan_.every != 0 && matched_ % plan_.every == 0);
        injected_ += due ? 1 : 0;
        return due;
    }

    Source inner_{};
    fault_plan<space> plan_{.armed = false};
    std::uint64_t matched_ = 0;
    std::uint64_t injected_ = 0;
};

}  // namespace ashlar::testing
