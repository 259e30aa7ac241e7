// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/own_words.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// Constants of `counted`.
struct count_shape {
    /// How many frames a CPU may keep to itself before it folds them into the zone's word.
    std::uint32_t delta = 64;
};

/// The number of free frames of a source, for watermarks: cheap to keep and one load to read.
///
/// - Words, a cache line each: {identity, CPUs}, then the zone's word, then one delta per CPU (`max_cpus` of
///   them).
/// - Invariant at quiescence: zone's word + all deltas = free frames of the source, modulo the word; each
///   delta lies in [-D, D]. Frames count as free from the `free` that gave them to this layer to the
///   `allocate` that took them: what per-CPU slots inside the source hold counts as free. What was in
///   motion in the source during a `revoke` (`take_lost`) leaves the sum when `free_frames` is asked.
///
/// | word | who writes | how |
/// |---|---|---|
/// | zone's word | every CPU | `fetch_add`, relaxed: a count publishes nothing |
/// | delta n | CPU n, or who was CPU n | `fetch_add`, `exchange` to 0 when it leaves [-D, D] |
///
/// Only read-modify-writes, so no frame is lost from the count whether or not the caller holds a guard.
///
/// - Complexity: one `fetch_add` of an own cache line a verb; two more operations when a delta overflows, and
///   straight on the zone's word for 2^order >= D. `free_frames` reads one word per CPU.
/// - Context: each verb as in the source. `this_cpu` of 0 before ids exist and an id beyond `max_cpus` are
///   served.
/// - Failure: that of the source; `attach` says `limit` when the count of frames and deltas does not fit a
///   word, and `corrupt` when `recover` meets words of another layout (`max_cpus` must not change). `recover`
///   reads the count from the source.
///
/// Example:
/// ```
/// using frames = ashlar::counted<ashlar::locked<ashlar::list_buddy<my_platform>>>;
/// constinit frames memory;
/// (void)memory.attach({{256}, 1024}, words, ashlar::start::fresh);
/// (void)memory.online({{256}, 1024});
/// const bool low = memory.approximate_free_frames() < 32 + frames::largest_error();
/// ```
template <class Source, count_shape Shape = count_shape{}>
class counted : public row_properties<Source> {
    static_assert(frame_source<Source>, "counted<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(cpu_local<platform_type>,
                  "counted<Source>: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");
    static_assert(Shape.delta >= 1 && Shape.delta <= 1u << 20,
                  "counted<Source, count_shape>: delta must lie in 1 .. 2^20");

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return add_words(own_words(), Source::metadata_words(frames));
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return adopt(frames, words, how, [&](view<word> rest) { return inner_.attach(frames, rest, how); });
    }
    /// Where the source can tell lost frames from live ones (see `list_buddy::attach`).
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return adopt(frames, words, how,
                     [&](view<word> rest) { return inner_.attach(frames, rest, how, live); });
    }
    constexpr errc detach(range<space> frames) noexcept {
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) words_ = nullptr;
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept { return plus(inner_.online(frames), frames.count); }
    constexpr errc offline(range<space> frames) noexcept {
        return minus(inner_.offline(frames), frames.count);
    }
    constexpr errc isolate(range<space> frames) noexcept { return inner_.isolate(frames); }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        const result<std::uint64_t> left = inner_.revoke(frames);
        (void)minus(left.error(), *left);
        return left;
    }
    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const result<frame<space>> got = inner_.allocate(wanted);
        (void)minus(got.error(), frames_in(wanted.order));
        return got;
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        return minus(inner_.allocate_at(frames), frames.count);
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        return plus(inner_.free(first, order), frames_in(order));
    }
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    /// Rows and lines count as used while they are out, whatever is done with their frames.
    template <row_source Rows = Source>
    constexpr auto take_row(request<space> wanted, frame<space> near) noexcept {
        const auto taken = inner_.take_row(wanted, near);
        if (taken) (void)minus(errc::ok, static_cast<std::uint64_t>(std::popcount(taken->mask)));
        return taken;
    }
    template <row_source Rows = Source>
    constexpr auto steal_row(request<space> wanted) noexcept {
        const auto taken = inner_.steal_row(wanted);
        if (taken) (void)minus(errc::ok, static_cast<std::uint64_t>(std::popcount(taken->mask)));
        return taken;
    }
    template <row_source Rows = Source>
    [[nodiscard]] constexpr mobility class_of(frame<space> first) const noexcept {
        return inner_.class_of(first);
    }
    template <row_source Rows = Source>
    constexpr void set_class_of(frame<space> first, mobility to) noexcept {
        inner_.set_class_of(first, to);
    }
    template <row_source Rows = Source>
    constexpr auto give_row(frame<space> first, typename Rows::row_bits mask) noexcept {
        const auto refused = inner_.give_row(first, mask);
        (void)plus(errc::ok, static_cast<std::uint64_t>(std::popcount(mask) - std::popcount(refused)));
        return refused;
    }
    template <row_source Rows = Source>
    constexpr auto take_lines(request<space> wanted, unsigned window_order, frame<space> near) noexcept {
        const auto taken = inner_.take_lines(wanted, window_order, near);
        if (taken) (void)minus(errc::ok, frames_of_lines<Rows>(taken->mask));
        return taken;
    }
    template <row_source Rows = Source>
    constexpr auto give_lines(frame<space> first, typename Rows::row_bits mask) noexcept {
        const auto refused = inner_.give_lines(first, mask);
        (void)plus(errc::ok, frames_of_lines<Rows>(mask) - frames_of_lines<Rows>(refused));
        return refused;
    }
    template <row_source Rows = Source>
    [[nodiscard]] constexpr bool offers_row(frame<space> first) const noexcept {
        return inner_.offers_row(first);
    }
    constexpr void drain() noexcept { inner_.drain(); }
    constexpr void drain(cpu_id cpu) noexcept { inner_.drain(cpu); }
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }

    /// Exact at quiescence, otherwise off by what the verbs in flight move. One load per CPU.
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        if (words_ == nullptr) return 0;
        if (const std::uint64_t lost = take_lost(inner_); lost != 0) (void)minus(errc::ok, lost);
        value sum = zone().load(memory_order::relaxed);
        for (cpu_id cpu = 0; cpu < platform_type::max_cpus(); ++cpu) {
            sum = static_cast<value>(sum + delta_of(cpu).load(memory_order::relaxed));
        }
        return clip(sum);
    }
    /// One load; at quiescence at most `largest_error()` away from `free_frames()`, otherwise further by what
    /// the verbs in flight move, and, until `free_frames` is asked, by what the source lost during a
    /// `revoke`.
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return words_ == nullptr ? 0 : clip(zone().load(memory_order::relaxed));
    }
    /// D x CPUs.
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept {
        return std::uint64_t{Shape.delta} * platform_type::max_cpus();
    }

    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    /// Also that the source has no more free frames than were counted (it may have fewer: slots inside it).
    [[nodiscard]] constexpr errc validate() const noexcept {
        if (inner_.free_frames() > free_frames()) return errc::corrupt;
        return inner_.validate();
    }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        inner_.describe(sink);
    }

    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    template <class Rows>
    [[nodiscard]] static constexpr std::uint64_t frames_of_lines(typename Rows::row_bits mask) noexcept {
        return static_cast<std::uint64_t>(std::popcount(mask)) << Rows::row_line_order;
    }
    using value = typename word::value_type;

    static constexpr std::size_t line = layer_line_words<word>;
    static constexpr value identity = static_cast<value>(0x636f'756eu);

    [[nodiscard]] static constexpr std::size_t own_words() noexcept {
        return (std::size_t{2} + platform_type::max_cpus()) * line;
    }
    [[nodiscard]] static constexpr std::uint64_t frames_in(unsigned order) noexcept {
        return order < 64 ? std::uint64_t{1} << order : 0;
    }
    [[nodiscard]] constexpr word& zone() const noexcept { return words_[line]; }
    [[nodiscard]] constexpr word& delta_of(cpu_id cpu) const noexcept { return words_[(2 + cpu) * line]; }

    /// What the zone's word says while deltas are out may lie a little below 0 or above the frames attached.
    [[nodiscard]] constexpr std::uint64_t clip(value sum) const noexcept {
        const std::uint64_t above = count_ + largest_error();
        if (sum > above) return 0;
        return sum < count_ ? std::uint64_t{sum} : count_;
    }

    /// What sources at any depth lost while they were asked to `revoke`.
    template <class Inner>
    [[nodiscard]] static constexpr std::uint64_t take_lost(const Inner& source) noexcept {
        if constexpr (requires { source.take_lost(); }) {
            return source.take_lost();
        } else if constexpr (requires { source.inner(); }) {
            return take_lost(source.inner());
        } else {
            return 0;
        }
    }
    constexpr errc plus(errc answer, std::uint64_t frames) noexcept {
        if (answer == errc::ok) move(static_cast<value>(frames), frames);
        return answer;
    }
    constexpr errc minus(errc answer, std::uint64_t frames) const noexcept {
        if (answer == errc::ok) move(static_cast<value>(value{0} - static_cast<value>(frames)), frames);
        return answer;
    }
    /// `size` is the magnitude of `amount`.
    constexpr void move(value amount, std::uint64_t size) const noexcept {
        if (words_ == nullptr) return;
        const cpu_id cpu = platform_type::this_cpu();
        if (size >= Shape.delta || cpu >= platform_type::max_cpus()) {
            zone().fetch_add(amount, memory_order::relaxed);
            return;
        }
        word& delta = delta_of(cpu);
        const value now = static_cast<value>(delta.fetch_add(amount, memory_order::relaxed) + amount);
        if (static_cast<value>(now + Shape.delta) <= static_cast<value>(2 * Shape.delta)) return;
        zone().fetch_add(delta.exchange(0, memory_order::relaxed), memory_order::relaxed);
    }

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, start how,
                         AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<counted>(words_ != nullptr, frames, words);
        if (wrong != errc::ok) return wrong;
        const std::uint64_t most = std::numeric_limits<value>::max();
        const std::uint64_t slack = 4 * largest_error();
        if (slack > most || frames.count > most - slack) return errc::limit;
        const value cpus = static_cast<value>(platform_type::max_cpus());
        if (how == start::recover && (words[0].load(memory_order::relaxed) != identity ||
                                      words[1].load(memory_order::relaxed) != cpus)) {
            return errc::corrupt;
        }
        const errc answer = attach_inner(words.subview(own_words()));
        if (answer != errc::ok) return answer;
        words_ = words.data();
        count_ = frames.count;
        for (cpu_id cpu = 0; cpu < platform_type::max_cpus(); ++cpu) {
            delta_of(cpu).store(0, memory_order::relaxed);
        }
        // A fresh source has no frame yet; counting them would touch all of its metadata again.
        const std::uint64_t free = how == start::fresh ? 0 : inner_.free_frames();
        zone().store(static_cast<value>(free), memory_order::relaxed);
        words[1].store(cpus, memory_order::relaxed);
        words[0].store(identity, memory_order::release);
        return errc::ok;
    }

    Source inner_{};
    word* words_ = nullptr;
    std::uint64_t count_ = 0;
};

}  // namespace ashlar
