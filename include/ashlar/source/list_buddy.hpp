// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/buddy_figures.hpp>
#include <ashlar/source/buddy_shape.hpp>
#include <ashlar/source/list_recovery.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The classic buddy allocator: free blocks of each order in a doubly linked list, as in Linux, but linked by
/// indices in the caller's metadata, so that the frames are never touched and the state can be read
/// elsewhere. Of `Shape` it uses `top_order` and `pageblock_order`.
///
/// - Invariant: see `detail::free_lists`. Merging is complete: `exhausted` is said only when no block fits.
/// - Metadata: 9.0 bytes a frame and a cache line or two; at most 2^32 - 65 frames a range.
/// - Complexity: allocate and free take O(top order) steps and one more per four frames of the block; with
///   `below`, allocate also looks at each block that does not fit (at most `effort` of them). allocate_at,
///   isolate, readmit, offline, online, revoke: linear in the range / 4. recover and validate: linear in the
///   attached range.
/// - Context: one caller at a time (wrap it in `locked`); then wherever the platform's atomics work. `owns`
///   alone may race the other verbs: words are read and written relaxed, and a frame's tag is one of its
///   states at all times.
/// - Failure: see `errc`; nothing is changed. Every double, foreign and misaligned free is detected. A
///   requirement for nodes or mirrored memory is `unsupported`, preferences are ignored. A revoked frame
///   stays so until a fresh attach. Isolation of a pageblock ends when its last online frame leaves.
///
/// Recovery starts from the tags, one store per frame's change: a crash leaks at most the block that was
/// being handed out, and with `live` nothing.
///
/// Example:
/// ```
/// using buddy = ashlar::list_buddy<ashlar::platform>;
/// constexpr ashlar::range<> frames{{0x1000}, 0x1000};
/// static buddy::word words[buddy::metadata_words(frames)];
/// buddy source;
/// (void)source.attach(frames, words, ashlar::start::fresh);
/// (void)source.online(frames);
/// auto huge = source.allocate({.order = 9});       // naturally aligned, 512 frames
/// (void)source.free(*huge, 9);
/// ```
template <class Platform, buddy_shape Shape = buddy_shape{}>
class list_buddy {
    static_assert(atomics<Platform>,
                  "list_buddy<Platform>: Platform must offer atomic<T> (see the concept atomics)");
    static_assert(Shape.top_order <= 30, "list_buddy<Platform, Shape>: top_order must be at most 30");
    static_assert(Shape.pageblock_order <= Shape.top_order,
                  "list_buddy<Platform, Shape>: pageblock_order must be at most top_order");

 public:
    using platform_type = Platform;
    using space = typename Platform::space;
    using word = typename Platform::template atomic<std::uint32_t>;

    static constexpr buddy_shape shape = Shape;
    static constexpr unsigned top_order = Shape.top_order;
    static constexpr unsigned isolation_order = Shape.pageblock_order;

    /// 0 for a range that cannot be attached.
    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return geometry::fits(frames) ? geometry(frames).words() : 0;
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return attach(frames, words, how, [](frame<space>) { return true; });
    }
    /// `live(frame)` tells a recovery which of the frames that are online and not free are in use; the others
    /// become free.
    template <class Live>
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        if (!frames_.empty()) return errc::busy;
        if (frames.empty() || frames.wraps()) return errc::invalid;
        if (!geometry::fits(frames) || words.size() < metadata_words(frames)) return errc::limit;
        lists next(geometry(frames), words.data());
        if (how == start::fresh) {
            begin(next);
        } else if (!detail::is_recoverable(next)) {
            return errc::corrupt;
        } else {
            detail::rebuild(next, top_order,
                            [&](std::uint64_t number) { return live(frame<space>{number}); });
        }
        lists_ = next;
        frames_ = frames;
        return errc::ok;
    }
    /// The words stay as they are: another instance may recover them.
    constexpr errc detach(range<space> frames) noexcept {
        if (frames_.empty() || !(frames == frames_)) return errc::invalid;
        *this = list_buddy{};
        return errc::ok;
    }

    constexpr errc online(range<space> frames) noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        const std::uint64_t end = frames.end().number;
        for (std::uint64_t f = frames.first.number; f < end; f = lists_.first_other(f, end, lists_.tag(f))) {
            if (detail::is_online_tag(lists_.tag(f))) return errc::busy;
            if (lists_.tag(f) == detail::tag_revoked) return errc::revoked;
        }
        insert(frames);
        lists_.add(geometry::present_at, frames.count);
        return errc::ok;
    }
    constexpr errc offline(range<space> frames) noexcept {
        if (const errc wrong = check_online(frames); wrong != errc::ok) return wrong;
        if (!is_all_free(frames)) return errc::busy;
        bool isolated = true;
        lists_.for_each_pageblock(
            frames.first.number, frames.end().number,
            [&](std::uint64_t f, std::uint64_t) { isolated = isolated && lists_.is_isolated(f); });
        if (!isolated) return errc::busy;
        (void)remove(frames, detail::tag_absent);
        return errc::ok;
    }
    /// Pageblocks of the range without an online frame stay as they are.
    constexpr errc isolate(range<space> frames) noexcept { return set_isolated(frames, true); }
    constexpr errc readmit(range<space> frames) noexcept { return set_isolated(frames, false); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        if (const errc wrong = check_online(frames); wrong != errc::ok) return wrong;
        return remove(frames, detail::tag_revoked);
    }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        if (wanted.order > top_order || !wanted.nodes.is_all() || wanted.mirror == mirror::required) {
            return errc::unsupported;
        }
        if (frames_.empty()) return errc::exhausted;
        const std::uint64_t size = std::uint64_t{1} << wanted.order;
        std::uint32_t looked_at = 0;
        std::uint32_t orders = lists_.word(geometry::nonempty_at) >> wanted.order << wanted.order;
        for (; orders != 0; orders &= orders - 1) {
            const auto order = static_cast<unsigned>(std::countr_zero(orders));
            for (std::uint32_t at = lists_.head_of_list(order); at != geometry::nil; at = lists_.next(at)) {
                if (looked_at == wanted.effort) return errc::limit;
                ++looked_at;  // cannot reach `unbounded_effort`: there are fewer frames
                const std::uint64_t head = lists_.where().base + at;
                // Frame 0 is not handed out: the block beside it in a larger one is.
                const std::uint64_t first = head == 0 ? size : head;
                if (head == 0 && order == wanted.order) continue;
                if (wanted.below.number < size || first > wanted.below.number - size) continue;
                lists_.carve({head, order}, first, first + size, detail::tag_used);
                return frame<space>{first};
            }
        }
        return errc::exhausted;
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        if (const errc wrong = check_online(frames); wrong != errc::ok) return wrong;
        if (!is_all_free(frames)) return errc::busy;
        (void)lists_.carve_free(frames.first.number, frames.end().number, detail::tag_used);
        return errc::ok;
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        if (const errc wrong = would_free(first, order); wrong != errc::ok) return wrong;
        insert(block(first, order));
        return errc::ok;
    }
    /// What `free` would answer.
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        if (order > top_order) return errc::unsupported;
        const range<space> freed = block(first, order);
        if (!frames_.contains(freed)) return errc::not_owned;
        if (!aligned(first, order)) return errc::misaligned;
        const std::uint64_t end = freed.end().number;
        const std::uint64_t other = lists_.first_other(first.number, end, detail::tag_used);
        return other == end ? errc::ok : why_not_used(lists_.tag(other));
    }
    /// False for a frame of the attached range whose pageblock is isolated. May race every verb, as `owns`.
    [[nodiscard]] constexpr bool offers(frame<space> f) const noexcept {
        return !lists_.is_isolated(f.number);
    }
    /// Nothing is held per CPU.
    constexpr void drain() noexcept {}
    constexpr void drain(cpu_id) noexcept {}

    /// May race every verb but attach and detach.
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept {
        return frames_.contains(f) && detail::is_online_tag(lists_.tag(f.number));
    }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        return frames_.empty() ? 0 : lists_.word(geometry::free_at);
    }
    /// Block by block, ascending.
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        if (frames_.empty()) return;
        lists_.for_each_head(
            frames_.first.number, frames_.end().number,
            [&](std::uint64_t first, unsigned order) { sink(block(frame<space>{first}, order)); });
    }
    [[nodiscard]] constexpr errc validate() const noexcept {
        return frames_.empty() || detail::is_consistent(lists_, top_order) ? errc::ok : errc::corrupt;
    }
    /// See `buddy_figures`.
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        buddy_figures figures{};
        if (!frames_.empty()) {
            figures.first_frame = frames_.first.number;
            figures.frames = frames_.count;
            figures.present_frames = lists_.word(geometry::present_at);
            figures.isolated_free_frames = lists_.word(geometry::isolated_free_at);
            visit_free([&](range<space> each) { figures.add_free(each, top_order); });
        }
        figures.tell(sink, top_order);
    }

 private:
    using lists = detail::free_lists<word, Shape.top_order, Shape.pageblock_order>;
    using geometry = typename lists::geometry;

    /// Every frame absent. The magic is written last: an attach that is cut off leaves nothing to recover.
    static constexpr void begin(lists& fresh) noexcept {
        const geometry& where = fresh.where();
        fresh.put(geometry::magic_at, 0);
        for (std::size_t at = where.isolated_at; at < where.links_at; ++at) fresh.put(at, 0);
        fresh.clear_lists();
        for (std::size_t at = geometry::present_at; at > 0; --at)
            fresh.put(at - 1, detail::list_identity(where, at - 1));
    }
    [[nodiscard]] static constexpr errc why_not_used(std::uint32_t tag) noexcept {
        if (detail::is_free_tag(tag)) return errc::double_free;
        return tag == detail::tag_revoked ? errc::revoked : errc::not_owned;
    }

    [[nodiscard]] constexpr errc check_inside(range<space> frames) const noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        return frames_.contains(frames) ? errc::ok : errc::not_owned;
    }
    [[nodiscard]] constexpr errc check_online(range<space> frames) const noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        const std::uint64_t end = frames.end().number;
        for (std::uint64_t f = frames.first.number; f < end; f = lists_.first_other(f, end, lists_.tag(f))) {
            if (!detail::is_online_tag(lists_.tag(f))) return errc::not_owned;
        }
        return errc::ok;
    }
    /// For online frames.
    [[nodiscard]] constexpr bool is_all_free(range<space> frames) const noexcept {
        const std::uint64_t end = frames.end().number;
        for (std::uint64_t f = frames.first.number; f < end;) {
            if (!detail::is_free_tag(lists_.tag(f))) return false;
            f = lists_.covering(f).end();
        }
        return true;
    }
    constexpr errc set_isolated(range<space> frames, bool isolated) noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        if (!is_boundary(frames.first) || !is_boundary(frames.end())) return errc::misaligned;
        bool any = false;
        lists_.for_each_pageblock(frames.first.number, frames.end().number,
                                  [&](std::uint64_t f, std::uint64_t end) {
                                      if (!lists_.has_online(f, end)) return;
                                      any = true;
                                      lists_.set_isolated(f, end, isolated);
                                  });
        return any ? errc::ok : errc::not_owned;
    }
    [[nodiscard]] constexpr bool is_boundary(frame<space> f) const noexcept {
        return aligned(f, isolation_order) || f == frames_.first || f == frames_.end();
    }
    /// In pieces that are isolated or not; they merge as far as they may.
    constexpr void insert(range<space> frames) noexcept {
        for_each_block(frames, isolation_order,
                       [this](frame<space> f, unsigned order) { lists_.insert(f.number, order); });
    }
    /// Online frames leave; the value is how many of them were free.
    constexpr std::uint64_t remove(range<space> frames, std::uint32_t tag) noexcept {
        const std::uint64_t first = frames.first.number;
        const std::uint64_t end = frames.end().number;
        const std::uint64_t free = lists_.carve_free(first, end, tag);
        lists_.fill(first, end, tag);
        lists_.add(geometry::present_at, 0 - frames.count);
        lists_.for_each_pageblock(first, end, [&](std::uint64_t f, std::uint64_t stop) {
            if (!lists_.has_online(f, stop)) lists_.set_isolated(f, stop, false);
        });
        return free;
    }

    range<space> frames_{};
    lists lists_{};
};

}  // namespace ashlar
