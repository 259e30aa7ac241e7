// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/testing/call.hpp>
#include <ashlar/testing/holdings.hpp>
#include <ashlar/testing/observed_atomic.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::testing {

/// A crash at every store: random calls on a source over `observed_atomic`, and after each single write of
/// each call a recovery from a copy of the words, as they are at that moment. Checked: recovery works and
/// validates; no frame that is held, and not named by the call in progress, is free; frames that were free
/// and are not named are free again, up to a stated leak; with `live` none is leaked. Of a range that was
/// coming, leaving or being revoked: what is absent comes, but for what was revoked.
///
/// Example:
/// ```
/// struct observed : ashlar::platform {
///     template <class T> using atomic = ashlar::testing::observed_atomic<T>;
/// };
/// ashlar::testing::crash_run<ashlar::list_buddy<observed, shape>> run({{60}, 80}, 1);
/// const std::string wrong = run.steps(500);          // empty, or what a recovery got wrong
/// ```
template <class Source>
class crash_run {
 public:
    using space = typename Source::space;
    using frames_range = range<space>;

    /// `leak`: the frames that one crash may lose beside those of the block in hand.
    crash_run(frames_range frames, std::uint64_t seed,
              std::uint64_t leak = std::uint64_t{1} << Source::isolation_order)
        : frames_(frames),
          leak_(leak),
          words_(Source::metadata_words(frames)),
          copy_(Source::metadata_words(frames)),
          stream_(
              {.frames = frames, .top_order = Source::top_order, .isolation_order = Source::isolation_order},
              seed),
          held_(Source::top_order),
          was_revoked_(static_cast<std::size_t>(frames.count)) {}

    /// One call, the answer in `got`. The first one finds the range attached, and nothing of it online.
    [[nodiscard]] std::string step(const call<space>& next, answer<space>& got) {
        if (!is_attached_) is_attached_ = source_.attach(frames_, words_.words(), start::fresh) == errc::ok;
        if (!is_attached_) return "it does not attach";
        watch(next);
        got = make(source_, next);
        write_observer::written = nullptr;
        if (got.error == errc::ok) note(next, got);
        if (wrong_.empty()) return {};
        return join({to_string(now_), ", write ", std::to_string(writes_in_call_), ": ", wrong_});
    }
    /// All of the range comes online, and then that many random calls.
    [[nodiscard]] std::string steps(std::uint64_t count) {
        answer<space> got;
        std::string wrong = step({.which = verb::online, .frames = frames_}, got);
        for (std::uint64_t i = 0; i < count && wrong.empty(); ++i) {
            const call<space> next = stream_.next(held_);
            // A range that was revoked is lost for good: this would wear the source out.
            if (next.which == verb::revoke && i % 8 != 0) continue;
            wrong = step(next, got);
        }
        return wrong;
    }
    /// How many crashes were tried.
    [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

 private:
    void note(const call<space>& made, const answer<space>& got) {
        if (made.which == verb::allocate) held_.add(block(got.first, made.wanted.order));
        if (made.which == verb::allocate_at) held_.add(made.frames);
        if (made.which == verb::free) held_.remove(block(made.frames.first, made.order));
        if (made.which == verb::revoke) {
            held_.remove(made.frames);
            for (std::uint64_t i = 0; i < made.frames.count; ++i)
                was_revoked_[index_of(made.frames.first + i)] = true;
        }
    }
    /// Notes the state before the call; from now on every write is followed by a crash.
    void watch(const call<space>& next) {
        now_ = next;
        writes_in_call_ = 0;
        was_free_ = free_flags(source_);
        was_held_ = held_.flags(frames_);
        write_observer::context = this;
        write_observer::written = [](void* self) { static_cast<crash_run*>(self)->crash(); };
    }
    [[nodiscard]] std::vector<bool> free_flags(const Source& source) const {
        std::vector<bool> flags(static_cast<std::size_t>(frames_.count));
        source.visit_free([&](frames_range free) {
            for (std::uint64_t i = 0; i < free.count; ++i) flags[index_of(free.first + i)] = true;
        });
        return flags;
    }
    [[nodiscard]] std::size_t index_of(frame<space> f) const {
        return static_cast<std::size_t>(f.number - frames_.first.number);
    }
    [[nodiscard]] bool is_named(frame<space> f) const {
        if (now_.which == verb::free)
            return now_.order < 64 && block(now_.frames.first, now_.order).contains(f);
        return now_.which != verb::isolate && now_.which != verb::readmit && now_.frames.contains(f);
    }

    void crash() {
        write_observer::written = nullptr;
        ++writes_in_call_;
        ++crashes_;
        recover(false);
        if constexpr (takes_live) recover(true);
        if (wrong_.empty())
            write_observer::written = [](void* self) { static_cast<crash_run*>(self)->crash(); };
    }
    static constexpr bool takes_live = requires(
        Source source, frames_range frames, view<typename Source::word> words, bool (*live)(frame<space>)) {
        source.attach(frames, words, start::recover, live);
    };

    void recover(bool with_live) {
        copy_.copy_from(words_);
        Source other;
        errc answer = errc::ok;
        if constexpr (takes_live) {
            const auto live = [&](frame<space> f) {
                return !with_live || was_held_[index_of(f)] || is_named(f);
            };
            answer = other.attach(frames_, copy_.words(), start::recover, live);
        } else {
            answer = other.attach(frames_, copy_.words(), start::recover);
        }
        if (answer != errc::ok) return fail(join({"recovery says ", to_string(answer)}));
        if (other.validate() != errc::ok) return fail("what was recovered does not validate");
        const std::vector<bool> is_free = free_flags(other);
        std::uint64_t lost = 0;
        for (std::uint64_t i = 0; i < frames_.count; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const frame<space> f = frames_.first + i;
            if (is_named(f)) continue;
            if (was_held_[at] && is_free[at])
                return fail(join({"a live frame is free: ", std::to_string(f.number)}));
            lost += was_free_[at] && !is_free[at] ? 1 : 0;
        }
        // The block that an allocation had in hand is not named by its call.
        const bool has_block = now_.which == verb::allocate && now_.wanted.order <= Source::top_order;
        const std::uint64_t in_hand = has_block ? std::uint64_t{1} << now_.wanted.order : 0;
        const std::uint64_t allowed = with_live ? 0 : leak_ + in_hand;
        if (lost > allowed) fail(join({std::to_string(lost), " frames are lost"}));
        if (now_.which == verb::online || now_.which == verb::offline || now_.which == verb::revoke)
            bring_back(other);
    }
    /// What is absent comes, frame by frame, but for what was revoked, and where the source has no room for
    /// more holes (`limit`).
    void bring_back(Source& other) {
        for (std::uint64_t i = 0; i < frames_.count; ++i) {
            const frame<space> f = frames_.first + i;
            if (other.owns(f)) continue;
            const bool was_revoked = was_revoked_[index_of(f)];
            const bool may_be_revoked = was_revoked || (now_.which == verb::revoke && is_named(f));
            const errc came = other.online({f, 1});
            if (came == errc::limit) continue;
            if (came == errc::ok ? was_revoked || !other.owns(f) : came != errc::revoked || !may_be_revoked)
                return fail(join({"absent, and ", to_string(came), " to come: ", std::to_string(f.number)}));
        }
        if (other.validate() != errc::ok) fail("what came again does not validate");
    }
    void fail(std::string what) {
        if (wrong_.empty()) wrong_ = std::move(what);
    }

    frames_range frames_;
    std::uint64_t leak_;
    word_buffer<typename Source::word> words_;
    word_buffer<typename Source::word> copy_;
    Source source_{};
    bool is_attached_ = false;
    request_stream<space> stream_;
    holdings<space> held_;
    call<space> now_{};
    std::uint64_t writes_in_call_ = 0;
    std::uint64_t crashes_ = 0;
    std::vector<bool> was_free_;
    std::vector<bool> was_held_;
    std::vector<bool> was_revoked_;
    std::string wrong_;
};

}  // namespace ashlar::testing
