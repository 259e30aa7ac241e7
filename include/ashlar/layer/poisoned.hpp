// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/touches_frames.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Frames are poisoned exactly while they are free, so that KASAN or ASan reports whoever touches one. The
/// layer only calls the platform's `poison` and `unpoison`; what they do to which shadow is the platform's.
///
/// - Invariant at quiescence: of the frames that are or were online here, those that `visit_free` names are
///   poisoned and no others. Frames that have not come online are as the caller left them.
/// - No words of its own. The range is remembered in the instance.
///
/// | verb | poison | why then |
/// |---|---|---|
/// | free | after `would_free`, before the source's `free` | once free, the next owner may have it already |
/// | free that fails then | unpoisoned, unless `double_free` | still the caller's (or gone: revoked) |
/// | online | before, if every frame is absent; unpoisoned if it fails | as for free |
/// | allocate, allocate_at | unpoisoned after | the caller owns the frames by then |
/// | offline, revoke | unpoisoned after | nobody can be handed the frames any more |
/// | detach | what is free is unpoisoned before | the state is only known until then |
/// | attach, recover | online frames unpoisoned, then the free ones poisoned | a crash may lie between |
///
/// A wrong free poisons nothing: it is refused before. Two frees of one block at the same moment, or an
/// `online` beside another `online` or `offline` of the same frames, are wrong calls that may leave frames
/// wrongly poisoned or not. A crash inside of `offline` or `revoke` may leave frames that left poisoned.
///
/// - Complexity: the source's and one call of the hook a verb; `online` and a recovery also ask `would_free`
///   or `owns` for each frame, `detach` and a recovery visit what is free.
/// - Context: as in the source, where the platform's hooks work. No lock, no guard.
/// - Failure: that of the source. What writes to frames (`scrubbed`) goes around the layer, not inside.
///
/// Example:
/// ```
/// struct my_platform : ashlar::platform {
///     static void poison(ashlar::frame<> first, std::uint64_t count) noexcept;     // kasan_poison, ...
///     static void unpoison(ashlar::frame<> first, std::uint64_t count) noexcept;
/// };
/// using frames = ashlar::poisoned<ashlar::radix_buddy<my_platform>>;
/// ```
template <class Source>
class poisoned {
    static_assert(frame_source<Source>, "poisoned<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(frame_poison<platform_type>,
                  "poisoned<Source>: the platform must offer frame_poison (poison, unpoison)");
    static_assert(free_checking_source<Source>,
                  "poisoned<Source>: Source must offer would_free (see the concept free_checking_source)");
    static_assert(!ashlar::touches_frames<Source>(),
                  "poisoned<Source>: what touches frames (scrubbed) goes around this layer, not inside");

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return Source::metadata_words(frames);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return adopted(inner_.attach(frames, words, how), frames, how);
    }
    /// Where the source can tell lost frames from live ones (see `list_buddy::attach`).
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return adopted(inner_.attach(frames, words, how, live), frames, how);
    }
    constexpr errc detach(range<space> frames) noexcept {
        if (frames_.empty() || frames != frames_) return inner_.detach(frames);
        inner_.visit_free(unpoison);
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) {
            frames_ = {};
        } else {
            inner_.visit_free(poison);
        }
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept {
        if (!are_absent(frames)) return inner_.online(frames);  // which says what is wrong
        poison(frames);
        const errc answer = inner_.online(frames);
        if (answer != errc::ok) unpoison(frames);
        return answer;
    }
    constexpr errc offline(range<space> frames) noexcept { return lifted(inner_.offline(frames), frames); }
    constexpr errc isolate(range<space> frames) noexcept { return inner_.isolate(frames); }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        const result<std::uint64_t> left = inner_.revoke(frames);
        if (left) unpoison(frames);
        return left;
    }
    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const result<frame<space>> got = inner_.allocate(wanted);
        if (got) unpoison(block(*got, wanted.order));
        return got;
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        return lifted(inner_.allocate_at(frames), frames);
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) return wrong;
        poison(block(first, order));
        const errc answer = inner_.free(first, order);
        if (answer != errc::ok && answer != errc::double_free) unpoison(block(first, order));
        return answer;
    }
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    constexpr void drain() noexcept { inner_.drain(); }
    constexpr void drain(cpu_id cpu) noexcept { inner_.drain(cpu); }
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept { return inner_.free_frames(); }
    template <counted_source Counted = Source>
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return inner_.approximate_free_frames();
    }
    template <counted_source Counted = Source>
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept {
        return Counted::largest_error();
    }
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
    static constexpr void poison(range<space> frames) noexcept {
        platform_type::poison(frames.first, frames.count);
    }
    static constexpr void unpoison(range<space> frames) noexcept {
        platform_type::unpoison(frames.first, frames.count);
    }
    [[nodiscard]] static constexpr errc lifted(errc answer, range<space> frames) noexcept {
        if (answer == errc::ok) unpoison(frames);
        return answer;
    }
    /// Attached here, and neither online nor revoked: what `online` takes.
    [[nodiscard]] constexpr bool are_absent(range<space> frames) const noexcept {
        if (!frames_.contains(frames)) return false;
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            if (inner_.would_free(frames.first + i, 0) != errc::not_owned) return false;
        }
        return !frames.empty();
    }
    constexpr errc adopted(errc answer, range<space> frames, start how) noexcept {
        if (answer != errc::ok) return answer;
        frames_ = frames;
        if (how == start::recover) {
            for_each_online_run(unpoison);
            inner_.visit_free(poison);
        }
        return answer;
    }
    template <class Visit>
    constexpr void for_each_online_run(Visit visit) const noexcept {
        std::uint64_t run = 0;
        for (std::uint64_t i = 0; i < frames_.count; ++i) {
            if (inner_.owns(frames_.first + i)) {
                ++run;
            } else if (run != 0) {
                visit(range<space>{{frames_.first.number + i - run}, run});
                run = 0;
            }
        }
        if (run != 0) visit(range<space>{{frames_.end().number - run}, run});
    }

    Source inner_{};
    range<space> frames_{};
};

}  // namespace ashlar
