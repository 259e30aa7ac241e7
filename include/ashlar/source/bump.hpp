// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/bump_piece.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Constants of `bump`.
struct bump_shape {
    unsigned pieces = 16;     ///< stretches of memory online at a time, and remainders beside allocate_at
    unsigned top_order = 30;  ///< the largest block, inclusive
};

/// The source of early boot: a few stretches of memory (pieces), each with a cursor that only goes up. A few
/// hundred bytes of metadata serve any amount of memory; nothing is freed. When the real source is ready,
/// `visit_free` tells what is left.
///
/// - Invariant: pieces are disjoint; in each, frames from the cursor to the end are free, those before it are
///   used. Frames that the cursor skips, for alignment or because frame 0 is not handed out, count as used.
/// - Words: header, then four words a piece (see `detail::bump_piece`); offsets from the first frame, so at
///   most 2^31 - 1 frames.
/// - Protocol of `moves`, odd while allocate_at moves frames between pieces: who sees a cursor or a begin
///   that a move wrote (released there) sees that `moves` became odd; who sees it even again (release,
///   acquire) sees the new piece. So a pass that misses what moved, between two equal values, saw an odd one.
/// - Complexity: O(pieces) for every verb but validate and recover, O(pieces^2).
/// - Context: `allocate` and the const verbs race anything but attach, detach, offline and readmit; one
///   compare-and-swap takes a block, so they work without CPU ids, guards or locks, in interrupts and NMIs
///   too. The other verbs want one caller at a time.
/// - Failure: see `errc`; nothing is changed. `online` says `limit` when every piece is in use, and so does
///   `allocate_at` that needs one for the frames below its range. Unsupported: free and revoke; `allocate_at`
///   across pieces; `offline` of anything but the end of one piece. Only the whole attached range can be
///   isolated (`isolation_order` says so). `allocate` says `busy` while `allocate_at` moves frames between
///   pieces and nothing else fits. A crash inside `allocate_at` may lose the free frames below its range in
///   that piece.
///
/// Example: the hand-over to a buddy.
/// ```
/// ashlar::bump<my_platform> early;
/// (void)early.attach(memory, words, ashlar::start::fresh);
/// (void)early.online(memory);
/// const auto table = early.allocate({.order = 4});
/// (void)early.isolate(memory);
/// early.visit_free([&](ashlar::range<> rest) { (void)buddy.online(rest); });
/// ```
template <class Platform, bump_shape Shape = bump_shape{}>
class bump {
    static_assert(atomics<Platform>,
                  "bump<Platform>: Platform must offer atomic<T> (see the concept atomics)");
    static_assert(Shape.pieces >= 1 && Shape.pieces <= 256,
                  "bump<Platform, bump_shape>: pieces must lie in 1 .. 256");
    static_assert(Shape.top_order <= 30, "bump<Platform, bump_shape>: top_order must be at most 30");

 public:
    using platform_type = Platform;
    using space = typename Platform::space;
    using word = typename Platform::template atomic<std::uint32_t>;

    static constexpr unsigned top_order = Shape.top_order;
    static constexpr unsigned isolation_order = 63;

    /// 0 for a range that cannot be attached.
    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        if (frames.empty() || frames.wraps() || frames.count > piece::most_frames) return 0;
        return header_words + Shape.pieces * piece::words;
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        if (!frames_.empty()) return errc::busy;
        if (frames.empty() || frames.wraps()) return errc::invalid;
        if (metadata_words(frames) == 0 || words.size() < metadata_words(frames)) return errc::limit;
        bump next;
        next.frames_ = frames;
        next.words_ = words.data();
        if (how == start::fresh) {
            for (std::size_t i = 0; i < metadata_words(frames); ++i) words[i].store(0, memory_order::relaxed);
            for (std::size_t i = identity_words; i > 0; --i)
                words[i - 1].store(next.identity(i - 1), memory_order::release);
        } else {
            if (!next.is_sound(true)) return errc::corrupt;
            next.settle();
        }
        *this = next;
        return errc::ok;
    }
    constexpr errc detach(range<space> frames) noexcept {
        if (frames_.empty() || !(frames == frames_)) return errc::invalid;
        *this = bump{};
        return errc::ok;
    }

    constexpr errc online(range<space> frames) noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        const std::uint32_t first = offset_of(frames.first);
        const std::uint32_t end = first + static_cast<std::uint32_t>(frames.count);
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            if (at(i).in_use() && at(i).begin() < end && first < at(i).end()) return errc::busy;
        }
        return add_piece(first, first | (is_closed() ? piece::closed : 0), end) ? errc::ok : errc::limit;
    }
    /// The end of one piece.
    constexpr errc offline(range<space> frames) noexcept {
        if (const errc wrong = check_online(frames); wrong != errc::ok) return wrong;
        const std::uint32_t first = offset_of(frames.first);
        const std::uint32_t end = first + static_cast<std::uint32_t>(frames.count);
        if (!is_closed() || !is_free(first, end)) return errc::busy;
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            piece leaving = at(i);
            if (!leaving.in_use() || leaving.end() != end || leaving.position() > first) continue;
            leaving.set_end(leaving.begin() == first ? 0 : first);
            if (present_frames() == 0) words_[closed_at].store(0, memory_order::relaxed);
            return errc::ok;
        }
        return errc::unsupported;
    }
    /// The whole attached range: what is handed out from now on comes from elsewhere, at once and on every
    /// CPU.
    constexpr errc isolate(range<space> frames) noexcept { return set_closed(frames, true); }
    constexpr errc readmit(range<space> frames) noexcept { return set_closed(frames, false); }
    constexpr result<std::uint64_t> revoke(range<space>) noexcept { return errc::unsupported; }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        if (wanted.order > top_order || !wanted.nodes.is_all() || wanted.mirror == mirror::required) {
            return errc::unsupported;
        }
        if (frames_.empty()) return errc::exhausted;
        const std::uint32_t before = words_[moves_at].load(memory_order::acquire);
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            const std::uint64_t taken = at(i).take(frames_.first.number, wanted.order, wanted.below.number);
            if (taken != piece::nothing) return frame<space>{taken};
        }
        const bool moved = before % 2 != 0 || words_[moves_at].load(memory_order::relaxed) != before;
        return moved ? errc::busy : errc::exhausted;
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        if (const errc wrong = check_online(frames); wrong != errc::ok) return wrong;
        const std::uint32_t first = offset_of(frames.first);
        const std::uint32_t end = first + static_cast<std::uint32_t>(frames.count);
        if (!is_free(first, end)) return errc::busy;
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            piece from = at(i);
            if (from.in_use() && from.begin() <= first && end <= from.end())
                return take_from(from, first, end);
        }
        return errc::unsupported;
    }
    constexpr errc free(frame<space>, unsigned) noexcept { return errc::unsupported; }
    /// False while the attached range is isolated.
    [[nodiscard]] constexpr bool offers(frame<space>) const noexcept { return !is_closed(); }
    /// Nothing is held per CPU.
    constexpr void drain() noexcept {}
    constexpr void drain(cpu_id) noexcept {}

    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept {
        if (!frames_.contains(f)) return false;
        // What allocate_at jumps over moves to a piece that a pass may have left behind: once for each odd
        // value of `moves`.
        for (;;) {
            const std::uint32_t before = words_[moves_at].load(memory_order::acquire);
            if (is_online(offset_of(f)) || (before % 2 != 0 && is_online(offset_of(f)))) return true;
            if (words_[moves_at].load(memory_order::relaxed) == before) return false;
        }
    }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        std::uint64_t free = 0;
        visit_free([&](range<space> rest) { free += rest.count; });
        return free;
    }
    /// The remainder of each piece, in no order.
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        for (unsigned i = 0; !frames_.empty() && i < Shape.pieces; ++i) {
            const piece each = at(i);
            if (!each.in_use() || each.position() >= each.end()) continue;
            sink(range<space>{frames_.first + each.position(), each.end() - each.position()});
        }
    }
    [[nodiscard]] constexpr errc validate() const noexcept {
        return frames_.empty() || is_sound(false) ? errc::ok : errc::corrupt;
    }
    /// first_frame, frames, present_frames, free_frames, isolated_free_frames, pieces.
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        std::uint64_t pieces = 0;
        for (unsigned i = 0; !frames_.empty() && i < Shape.pieces; ++i) pieces += at(i).in_use() ? 1 : 0;
        sink("first_frame", frames_.first.number);
        sink("frames", frames_.count);
        sink("present_frames", present_frames());
        sink("free_frames", free_frames());
        sink("isolated_free_frames", !frames_.empty() && is_closed() ? free_frames() : 0);
        sink("pieces", pieces);
    }

 private:
    using piece = detail::bump_piece<word>;

    enum header : std::size_t {
        identity_words = 5,  ///< magic, version and pieces, first frame (two words), count
        moves_at = 5,        ///< odd while allocate_at moves frames between pieces
        closed_at,           ///< 1 while the attached range is isolated
        header_words = 16,
    };

    [[nodiscard]] constexpr std::uint32_t identity(std::size_t index) const noexcept {
        const std::uint32_t values[identity_words] = {0x6275'6d70u, 1u << 16 | Shape.pieces,
                                                      static_cast<std::uint32_t>(frames_.first.number),
                                                      static_cast<std::uint32_t>(frames_.first.number >> 32),
                                                      static_cast<std::uint32_t>(frames_.count)};
        return values[index];
    }
    [[nodiscard]] constexpr piece at(unsigned index) const noexcept {
        return piece(words_ + header_words + index * piece::words);
    }
    [[nodiscard]] constexpr std::uint32_t offset_of(frame<space> f) const noexcept {
        return static_cast<std::uint32_t>(f.number - frames_.first.number);
    }
    [[nodiscard]] constexpr bool is_closed() const noexcept {
        return words_[closed_at].load(memory_order::relaxed) != 0;
    }
    [[nodiscard]] constexpr bool is_online(std::uint32_t offset) const noexcept {
        return end_of_run(offset, false) != offset;
    }
    [[nodiscard]] constexpr bool is_free(std::uint32_t first, std::uint32_t end) const noexcept {
        while (first < end) {
            const std::uint32_t next = end_of_run(first, true);
            if (next == first) return false;
            first = next;
        }
        return true;
    }
    /// The end of the piece that holds this frame online (or free); the frame itself where none does.
    [[nodiscard]] constexpr std::uint32_t end_of_run(std::uint32_t offset, bool free) const noexcept {
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            const piece each = at(i);
            const std::uint32_t end = each.end();
            if (end != 0 && offset < end && offset >= (free ? each.position() : each.begin())) return end;
        }
        return offset;
    }
    [[nodiscard]] constexpr std::uint64_t present_frames() const noexcept {
        std::uint64_t present = 0;
        for (unsigned i = 0; !frames_.empty() && i < Shape.pieces; ++i) {
            if (at(i).in_use()) present += at(i).end() - at(i).begin();
        }
        return present;
    }
    [[nodiscard]] constexpr errc check_inside(range<space> frames) const noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        return frames_.contains(frames) ? errc::ok : errc::not_owned;
    }
    [[nodiscard]] constexpr errc check_online(range<space> frames) const noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        const std::uint32_t end = offset_of(frames.first) + static_cast<std::uint32_t>(frames.count);
        for (std::uint32_t f = offset_of(frames.first); f < end;) {
            const std::uint32_t next = end_of_run(f, false);
            if (next == f) return errc::not_owned;
            f = next;
        }
        return errc::ok;
    }

    /// False when every piece is in use.
    constexpr bool add_piece(std::uint32_t begin, std::uint32_t cursor, std::uint32_t end) noexcept {
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            if (at(i).in_use()) continue;
            at(i).publish(begin, cursor, end);
            return true;
        }
        return false;
    }
    [[nodiscard]] constexpr bool has_spare_piece() const noexcept {
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            if (!at(i).in_use()) return true;
        }
        return false;
    }
    /// The cursor jumps past the range; the free frames that it jumped over become a piece of their own.
    constexpr errc take_from(piece from, std::uint32_t first, std::uint32_t end) noexcept {
        std::uint32_t cursor = from.cursor();
        words_[moves_at].fetch_add(1, memory_order::relaxed);
        errc answer = errc::ok;
        do {
            if ((cursor & ~piece::closed) > first) answer = errc::busy;
            if ((cursor & ~piece::closed) < first && !has_spare_piece()) answer = errc::limit;
        } while (answer == errc::ok && !from.move(cursor, end | (cursor & piece::closed)));
        if (answer == errc::ok && (cursor & ~piece::closed) < first) {
            (void)add_piece(from.begin(), cursor, first);
            from.set_begin(first);
        }
        words_[moves_at].fetch_add(1, memory_order::release);
        return answer;
    }
    constexpr errc set_closed(range<space> frames, bool closed) noexcept {
        if (const errc wrong = check_inside(frames); wrong != errc::ok) return wrong;
        if (!(frames == frames_)) return errc::misaligned;
        if (present_frames() == 0) return errc::not_owned;
        words_[closed_at].store(closed ? 1 : 0, memory_order::relaxed);
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            if (at(i).in_use()) at(i).set_closed(closed);
        }
        return errc::ok;
    }

    /// After a crash (`stopped`) a piece may still reach over frames that have become a piece of their own.
    [[nodiscard]] constexpr bool is_sound(bool stopped) const noexcept {
        for (std::size_t i = 0; i < identity_words; ++i) {
            if (words_[i].load(memory_order::relaxed) != identity(i)) return false;
        }
        if (!stopped && words_[moves_at].load(memory_order::relaxed) % 2 != 0) return false;
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            const piece a = at(i);
            if (!a.in_use()) continue;
            if (a.begin() > a.position() || a.position() > a.end() || a.end() > frames_.count) return false;
            for (unsigned j = 0; j < Shape.pieces; ++j) {
                const piece b = at(j);
                if (j == i || !b.in_use() || a.end() <= b.begin() || b.end() <= a.begin()) continue;
                if (!stopped || (a.end() > b.position() && b.end() > a.position())) return false;
            }
        }
        return true;
    }
    constexpr void settle() noexcept {
        words_[moves_at].store(0, memory_order::relaxed);
        for (unsigned i = 0; i < Shape.pieces; ++i) {
            if (at(i).in_use()) at(i).set_closed(is_closed());
            for (unsigned j = 0; j < Shape.pieces; ++j) {
                const bool reaches_over = j != i && at(i).in_use() && at(j).in_use() &&
                                          at(j).begin() < at(i).end() && at(i).end() <= at(j).position();
                if (reaches_over) at(j).set_begin(at(i).end());
            }
        }
    }

    range<space> frames_{};
    word* words_ = nullptr;
};

}  // namespace ashlar
