// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/buddy_shape.hpp>
#include <ashlar/testing/error_set.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::testing {

/// The oracle: a frame source with one word of flags a frame, searched from the lowest frame on. It says for
/// each call which errors the call deserves (`wrong_...`), and its verbs do no more than that and set the
/// flags. Too slow for anything but tests; small enough to be right by reading.
///
/// - Invariant: a free frame is online, a revoked one is not. A pageblock without an online
///   frame is not isolated.
/// - Complexity: every verb is linear in the range.
/// - Context: one caller at a time.
/// - Failure: the first of the errors deserved, in the order of `errc`.
///
/// Example:
/// ```
/// ashlar::testing::naive_bitmap<> oracle;
/// (void)oracle.attach({{4}, 8}, words, ashlar::start::fresh);
/// (void)oracle.online({{4}, 8});
/// oracle.wrong_free({4}, 0).contains(ashlar::errc::double_free);
/// ```
template <class Platform = platform, buddy_shape Shape = buddy_shape{}>
class naive_bitmap {
 public:
    using platform_type = Platform;
    using space = typename Platform::space;
    using word = typename Platform::template atomic<std::uint32_t>;
    using frames_range = range<space>;

    static constexpr unsigned top_order = Shape.top_order;
    static constexpr unsigned isolation_order = Shape.pageblock_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(frames_range frames) noexcept {
        if (frames.empty() || frames.wraps() || frames.count > (~std::size_t{0} >> 4)) return 0;
        return header + static_cast<std::size_t>(frames.count);
    }

    constexpr errc attach(frames_range frames, view<word> words, start how) noexcept {
        if (!frames_.empty()) return errc::busy;
        if (frames.empty() || frames.wraps()) return errc::invalid;
        if (metadata_words(frames) == 0 || words.size() < metadata_words(frames)) return errc::limit;
        if (how == start::fresh) {
            for (std::size_t i = 0; i < header; ++i) put(words[i], identity(frames, i));
            for (std::uint64_t i = 0; i < frames.count; ++i) put(words[header + i], 0);
        } else if (!is_sound(frames, words)) {
            return errc::corrupt;
        }
        frames_ = frames;
        words_ = words;
        return errc::ok;
    }
    /// Frames that are online, not free and not live become free.
    template <class Live>
    constexpr errc attach(frames_range frames, view<word> words, start how, Live&& live) noexcept {
        const errc answer = attach(frames, words, how);
        if (answer != errc::ok) return answer;
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            const frame<space> f = frames.first + i;
            if (is(f, is_online) && !live(f)) set(f, is_free);
        }
        return errc::ok;
    }
    constexpr errc detach(frames_range frames) noexcept {
        if (frames_.empty() || !(frames == frames_)) return errc::invalid;
        frames_ = {};
        words_ = {};
        return errc::ok;
    }

    [[nodiscard]] constexpr error_set wrong_online(frames_range frames) const noexcept {
        return check(frames, [](std::uint32_t flags, error_set& wrong) {
            wrong.add_if((flags & is_online) != 0, errc::busy);
            wrong.add_if((flags & is_revoked) != 0, errc::revoked);
        });
    }
    constexpr errc online(frames_range frames) noexcept {
        return change(wrong_online(frames), frames, 0, is_online | is_free);
    }

    [[nodiscard]] constexpr error_set wrong_offline(frames_range frames) const noexcept {
        return check(frames, [](std::uint32_t flags, error_set& wrong) {
            wrong.add_if((flags & is_online) == 0, errc::not_owned);
            wrong.add_if((flags & is_revoked) != 0, errc::revoked);
            const bool may_leave = (flags & is_free) != 0 && (flags & is_isolated) != 0;
            wrong.add_if((flags & is_online) != 0 && !may_leave, errc::busy);
        });
    }
    constexpr errc offline(frames_range frames) noexcept {
        const errc answer = change(wrong_offline(frames), frames, is_online | is_free, 0);
        if (answer == errc::ok) end_isolation();
        return answer;
    }

    [[nodiscard]] constexpr error_set wrong_isolate(frames_range frames) const noexcept {
        bool any_online = false;
        error_set wrong =
            check(frames, [&](std::uint32_t flags, error_set&) { any_online |= (flags & is_online) != 0; });
        if (frames.empty() || frames.wraps()) return wrong;
        wrong.add_if(!any_online, errc::not_owned);
        wrong.add_if(!is_boundary(frames.first) || !is_boundary(frames.end()), errc::misaligned);
        return wrong;
    }
    constexpr errc isolate(frames_range frames) noexcept {
        const errc answer = change(wrong_isolate(frames), frames, 0, is_isolated);
        if (answer == errc::ok) end_isolation();
        return answer;
    }
    constexpr errc readmit(frames_range frames) noexcept {
        return change(wrong_isolate(frames), frames, is_isolated, 0);
    }

    [[nodiscard]] constexpr error_set wrong_revoke(frames_range frames) const noexcept {
        return check(frames, [](std::uint32_t flags, error_set& wrong) {
            wrong.add_if((flags & is_online) == 0, errc::not_owned);
            wrong.add_if((flags & is_revoked) != 0, errc::revoked);
        });
    }
    constexpr result<std::uint64_t> revoke(frames_range frames) noexcept {
        const std::uint64_t before = free_frames();
        const errc answer = change(wrong_revoke(frames), frames, is_online | is_free, is_revoked);
        if (answer != errc::ok) return answer;
        end_isolation();
        return before - free_frames();
    }

    /// What a request deserves of a source that knows neither nodes nor mirrors. With `effort` bounded,
    /// `busy` is an answer beside these.
    [[nodiscard]] constexpr error_set wrong_allocate(request<space> wanted) const noexcept {
        if (wanted.order > top_order || !wanted.nodes.is_all() || wanted.mirror == mirror::required) {
            return {errc::unsupported};
        }
        return first_fit(wanted).empty() ? error_set{errc::exhausted} : error_set{};
    }
    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const error_set wrong = wrong_allocate(wanted);
        if (!wrong.empty()) return wrong.first();
        const frames_range found = first_fit(wanted);
        (void)change({}, found, is_free, 0);
        return found.first;
    }

    [[nodiscard]] constexpr error_set wrong_allocate_at(frames_range frames) const noexcept {
        return check(frames, [](std::uint32_t flags, error_set& wrong) {
            wrong.add_if((flags & is_revoked) != 0, errc::revoked);
            wrong.add_if((flags & is_online) == 0, errc::not_owned);
            wrong.add_if((flags & is_online) != 0 && (flags & is_free) == 0, errc::busy);
        });
    }
    constexpr errc allocate_at(frames_range frames) noexcept {
        return change(wrong_allocate_at(frames), frames, is_free, 0);
    }

    [[nodiscard]] constexpr error_set wrong_free(frame<space> first, unsigned order) const noexcept {
        if (order > top_order) return {errc::unsupported};
        const frames_range freed = block(first, order);
        if (freed.wraps()) return {errc::not_owned, errc::misaligned};
        error_set wrong = check(freed, [](std::uint32_t flags, error_set& each) {
            each.add_if((flags & is_revoked) != 0, errc::revoked);
            each.add_if((flags & (is_online | is_revoked)) == 0, errc::not_owned);
            each.add_if((flags & is_free) != 0, errc::double_free);
        });
        wrong.add_if(!aligned(first, order), errc::misaligned);
        return wrong;
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        const error_set wrong = wrong_free(first, order);
        if (!wrong.empty()) return wrong.first();
        return change({}, block(first, order), 0, is_free);
    }

    constexpr void drain() noexcept {}
    constexpr void drain(cpu_id) noexcept {}
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return is(f, is_online); }
    [[nodiscard]] constexpr bool has_free(frame<space> f) const noexcept { return is(f, is_free); }
    [[nodiscard]] constexpr bool has_isolated(frame<space> f) const noexcept { return is(f, is_isolated); }
    [[nodiscard]] constexpr bool has_revoked(frame<space> f) const noexcept { return is(f, is_revoked); }
    [[nodiscard]] constexpr frames_range attached() const noexcept { return frames_; }

    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept { return count(is_free); }
    [[nodiscard]] constexpr std::uint64_t revoked_frames() const noexcept { return count(is_revoked); }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        for (std::uint64_t i = 0; i < frames_.count; ++i) {
            if (has_free(frames_.first + i)) sink(frames_range{frames_.first + i, 1});
        }
    }
    [[nodiscard]] constexpr errc validate() const noexcept {
        return frames_.empty() || is_sound(frames_, words_) ? errc::ok : errc::corrupt;
    }
    /// first_frame, frames, present_frames, free_frames.
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        sink("first_frame", frames_.first.number);
        sink("frames", frames_.count);
        sink("present_frames", count(is_online));
        sink("free_frames", count(is_free));
    }

 private:
    static constexpr std::size_t header = 6;
    static constexpr std::uint32_t is_online = 1;
    static constexpr std::uint32_t is_free = 2;
    static constexpr std::uint32_t is_isolated = 4;
    static constexpr std::uint32_t is_revoked = 8;

    [[nodiscard]] static constexpr std::uint32_t get(const word& from) noexcept {
        return from.load(memory_order::relaxed);
    }
    static constexpr void put(word& to, std::uint32_t flags) noexcept {
        to.store(flags, memory_order::relaxed);
    }
    [[nodiscard]] static constexpr std::uint32_t identity(frames_range frames, std::size_t index) noexcept {
        const std::uint32_t values[header] = {0x6e61'6976u,
                                              top_order << 8 | isolation_order,
                                              static_cast<std::uint32_t>(frames.first.number),
                                              static_cast<std::uint32_t>(frames.first.number >> 32),
                                              static_cast<std::uint32_t>(frames.count),
                                              static_cast<std::uint32_t>(frames.count >> 32)};
        return values[index];
    }
    [[nodiscard]] static constexpr bool is_sound(frames_range frames, view<word> words) noexcept {
        for (std::size_t i = 0; i < header; ++i) {
            if (get(words[i]) != identity(frames, i)) return false;
        }
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            const std::uint32_t flags = get(words[header + i]);
            const bool online = (flags & is_online) != 0;
            if (flags > 15 || ((flags & is_free) != 0 && !online) || ((flags & is_revoked) != 0 && online)) {
                return false;
            }
        }
        return true;
    }
    [[nodiscard]] constexpr word& flags_of(frame<space> f) const noexcept {
        return words_[header + static_cast<std::size_t>(f.number - frames_.first.number)];
    }
    [[nodiscard]] constexpr bool is(frame<space> f, std::uint32_t flag) const noexcept {
        return frames_.contains(f) && (get(flags_of(f)) & flag) != 0;
    }
    constexpr void set(frame<space> f, std::uint32_t flag) noexcept {
        put(flags_of(f), get(flags_of(f)) | flag);
    }
    [[nodiscard]] constexpr std::uint64_t count(std::uint32_t flag) const noexcept {
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < frames_.count; ++i) sum += is(frames_.first + i, flag) ? 1 : 0;
        return sum;
    }
    [[nodiscard]] constexpr bool is_boundary(frame<space> f) const noexcept {
        return aligned(f, isolation_order) || f == frames_.first || f == frames_.end();
    }

    /// What is wrong with the range, and with each of its frames that is attached.
    template <class Judge>
    [[nodiscard]] constexpr error_set check(frames_range frames, Judge judge) const noexcept {
        error_set wrong;
        if (frames.empty() || frames.wraps()) return {errc::invalid};
        wrong.add_if(!frames_.contains(frames), errc::not_owned);
        const frames_range inside = frames.clipped_to(frames_);
        for (std::uint64_t i = 0; i < inside.count; ++i) judge(get(flags_of(inside.first + i)), wrong);
        return wrong;
    }
    constexpr errc change(error_set wrong, frames_range frames, std::uint32_t clear,
                          std::uint32_t add) noexcept {
        if (!wrong.empty()) return wrong.first();
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            word& flags = flags_of(frames.first + i);
            put(flags, (get(flags) & ~clear) | add);
        }
        return errc::ok;
    }
    /// Isolation ends where no frame of a pageblock is online.
    constexpr void end_isolation() noexcept {
        constexpr std::uint64_t size = std::uint64_t{1} << isolation_order;
        for (std::uint64_t at = 0; at < frames_.count;) {
            const frame<space> first = frames_.first + at;
            const std::uint64_t rest = size - (first.number & (size - 1));
            const std::uint64_t count = rest < frames_.count - at ? rest : frames_.count - at;
            bool any_online = false;
            for (std::uint64_t i = 0; i < count; ++i) any_online |= is(first + i, is_online);
            for (std::uint64_t i = 0; !any_online && i < count; ++i) {
                word& flags = flags_of(first + i);
                put(flags, get(flags) & ~is_isolated);
            }
            at += count;
        }
    }
    /// The lowest block that serves the request; empty where there is none.
    [[nodiscard]] constexpr frames_range first_fit(request<space> wanted) const noexcept {
        const std::uint64_t size = std::uint64_t{1} << wanted.order;
        const std::uint64_t skew = (0 - frames_.first.number) & (size - 1);
        for (std::uint64_t at = skew; at < frames_.count && size <= frames_.count - at; at += size) {
            const frames_range candidate{frames_.first + at, size};
            if (candidate.first.number == 0 || candidate.end() > wanted.below) continue;
            bool fits = true;
            for (std::uint64_t i = 0; i < size && fits; ++i) {
                const frame<space> f = candidate.first + i;
                fits = has_free(f) && !has_isolated(f);
            }
            if (fits) return candidate;
        }
        return {};
    }

    frames_range frames_{};
    view<word> words_{};
};

}  // namespace ashlar::testing
