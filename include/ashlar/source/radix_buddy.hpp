// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/blocks.hpp>
#include <ashlar/source/buddy_figures.hpp>
#include <ashlar/source/buddy_shape.hpp>
#include <ashlar/source/radix_free.hpp>

namespace ashlar {

/// A buddy allocator over bitmaps: one bit a frame in rows of one word, one bit a line (the 512 frames whose
/// rows share a cache line), and trees of hints above. Lock-free for allocate, allocate_at and free; online,
/// offline, isolate, readmit and revoke exclude one another and say busy when two meet.
///
/// - Invariant: a free frame is in exactly one place, its row or the whole bit of its line.
/// - Placement: blocks come from lines in use in part before a whole line is broken, in the order of
///   `buddy_shape::placement`. With `mobility_classes` each class has lines of its own (Linux migratetypes);
///   without such a line, nor a whole one, it takes from where the most is free in one piece, and the line by
///   half.
/// - Metadata: 1.015 bits a frame and about 1 KiB, in the caller's storage; position independent, indices
///   only.
/// - Complexity: allocate looks at one line in the common case; a search that finds nothing lowers the
///   hints it met, so the next one ends at the root (one load). A free touches one row and reads one hint
///   per level.
/// - Context: allocate, allocate_at, free, owns from any context that the platform's atomics allow, NMI
///   included (no lock is taken); the others from thread context. detach, and attach, alone.
/// - Failure: see `errc`; the state is as before. Every double or foreign free that does not race another
///   wrong call is detected. `exhausted` is true at one moment of the call (see radix_take::find for the
///   two weaker cases). The figure that `revoke` answers is exact unless calls that take or free frames of
///   the same range race it: what is in motion then, a line being split or merged, `take_lost` tells.
/// - The protocol of every shared word is in radix_core.
///
/// ```
/// using buddy = ashlar::radix_buddy<ashlar::platform>;
/// constexpr ashlar::range<> frames{{0x1000}, 0x1000};
/// static buddy::word words[buddy::metadata_words(frames)];
/// buddy source;
/// (void)source.attach(frames, words, ashlar::start::fresh);
/// (void)source.online(frames);
/// auto huge = source.allocate({.order = 9});       // naturally aligned, 512 frames
/// (void)source.free(*huge, 9);
/// ```
template <class Platform, buddy_shape Shape = buddy_shape{}>
class radix_buddy : private detail::radix_free<Platform, Shape> {
    using base = detail::radix_free<Platform, Shape>;
    using base::at_;
    using base::line_order;
    using base::line_rows;
    using base::row_order;
    using base::word_order;
    using typename base::bits;
    using typename base::geometry;
    using typename base::search;

 public:
    using platform_type = Platform;
    using space = typename base::space;
    using word = typename base::word;
    using row_bits = typename base::row_bits;
    static constexpr buddy_shape shape = Shape;
    static constexpr unsigned top_order = Shape.top_order;
    static constexpr unsigned isolation_order = Shape.line_order;
    /// Lines of how many mobility classes are told apart.
    static constexpr unsigned mobility_classes = Shape.mobility_classes ? 3 : 1;
    /// Frames of a row, as an order: what `take_row` hands out at most.
    static constexpr unsigned largest_row_order = Shape.row_order;
    /// Frames of a line, as an order: what a bit of `take_lines` stands for.
    static constexpr unsigned row_line_order = Shape.line_order;
    /// The most that `take_lines` hands out at once, as an order of lines.
    static constexpr unsigned largest_window_order = geometry::word_lines_order;

    /// 0 for a range that cannot be attached.
    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return geometry::fits(frames) ? geometry(frames).words : 0;
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return attach(frames, words, how, [](frame<space>) noexcept { return true; });
    }
    /// `live(frame)` tells for a recovery which of the frames that are online and not free are in use; the
    /// others become free.
    template <class Live>
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        if (this->attached()) return errc::busy;
        if (frames.empty() || frames.wraps()) return errc::invalid;
        if (!geometry::fits(frames)) return errc::limit;
        const geometry at(frames);
        if (words.size() < at.words) return errc::limit;
        this->bind(at, words);
        if (how == start::fresh) {
            for (std::size_t i = 0; i < at.words; ++i) words[i].store(0, memory_order::relaxed);
            this->write_identity();
        } else if (!this->has_identity() || !this->is_plausible()) {
            unbind();
            return errc::corrupt;
        } else {
            this->rebuild([&live](std::uint64_t number) noexcept { return live(frame<space>{number}); });
        }
        return errc::ok;
    }

    constexpr errc detach(range<space> frames) noexcept {
        if (!this->attached() || frames != this->attached_range()) return errc::invalid;
        unbind();
        return errc::ok;
    }

    constexpr errc online(range<space> frames) noexcept {
        const errc error = this->check_inside(frames);
        return error != errc::ok ? error : this->bring_online(frames);
    }
    constexpr errc offline(range<space> frames) noexcept {
        const errc error = this->check_inside(frames);
        return error != errc::ok ? error : this->take_offline(frames);
    }
    constexpr errc isolate(range<space> frames) noexcept {
        const errc error = this->check_inside(frames);
        return error != errc::ok ? error : this->set_isolated(frames, true);
    }
    constexpr errc readmit(range<space> frames) noexcept {
        const errc error = this->check_inside(frames);
        return error != errc::ok ? error : this->set_isolated(frames, false);
    }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        const errc error = this->check_inside(frames);
        return error != errc::ok ? result<std::uint64_t>(error) : this->revoke_frames(frames);
    }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        if (wanted.order > top_order || !wanted.nodes.is_all() || wanted.mirror == mirror::required) {
            return errc::unsupported;
        }
        if (!this->attached()) return errc::exhausted;
        search sought = search_for(wanted);
        if (wanted.below.number < sought.limit) sought.limit = wanted.below.number;
        if (wanted.order < line_order) {
            return this->find(sought, [this](search& s) noexcept { return this->take_small(s); });
        }
        if (wanted.order <= word_order) {
            return this->find(sought, [this](search& s) noexcept { return this->take_line_block(s); });
        }
        return this->find(sought, [this](search& s) noexcept { return this->take_words(s); });
    }

    constexpr errc allocate_at(range<space> frames) noexcept {
        if (const errc error = this->check_inside(frames); error != errc::ok) return error;
        if (const errc error = this->check_online(frames); error != errc::ok) return error;
        return this->claim(frames) ? errc::ok : errc::busy;
    }

    constexpr errc free(frame<space> first, unsigned order) noexcept {
        return this->give_block(first, order);
    }
    /// What `free` would answer. Stays true of a block that the caller owns, unless it is revoked.
    [[nodiscard, gnu::always_inline]] constexpr errc would_free(frame<space> first,
                                                                unsigned order) const noexcept {
        return this->check_give(first, order);
    }

    /// All free frames of a row that holds a free block of the order (at most `largest_row_order`), of a line
    /// of the request's class that is in use in part; near `near` if there is one in its line. `exhausted`:
    /// there was none.
    constexpr result<row_of_frames<space, row_bits>> take_row(request<space> wanted,
                                                              frame<space> near) noexcept {
        if (wanted.order > row_order || !serves_anywhere(wanted)) return errc::unsupported;
        if (!this->attached()) return errc::exhausted;
        return this->take_any_row(search_for(wanted, near.number));
    }
    /// The same of a line of another class, which takes the request's class if half of it was free. For when
    /// `take_row` and `take_lines` say `exhausted`.
    constexpr result<row_of_frames<space, row_bits>> steal_row(request<space> wanted) noexcept {
        if (wanted.order > row_order || !serves_anywhere(wanted)) return errc::unsupported;
        if (!this->attached()) return errc::exhausted;
        return this->take_row_of_others(search_for(wanted));
    }
    /// The class of the line of a frame of the attached range, and the class that it gets. Without classes
    /// all is unmovable.
    [[nodiscard]] constexpr mobility class_of(frame<space> first) const noexcept {
        const std::size_t line = at_.line_of(first.number);
        if (this->is_of_class(line, mobility::unmovable)) return mobility::unmovable;
        return this->is_of_class(line, mobility::movable) ? mobility::movable : mobility::reclaimable;
    }
    constexpr void set_class_of(frame<space> first, mobility to) noexcept {
        this->set_class(at_.line_of(first.number), to);
    }
    /// The free whole lines of an aligned window of 2^window_order lines, at most a word of them: bit i is
    /// line i of the window that starts at the frame told. In the window of `near` if there are some.
    /// `exhausted`: there was none.
    constexpr result<row_of_frames<space, row_bits>> take_lines(request<space> wanted, unsigned window_order,
                                                                frame<space> near) noexcept {
        if (window_order > geometry::word_lines_order || !serves_anywhere(wanted)) return errc::unsupported;
        if (!this->attached()) return errc::exhausted;
        search sought = search_for(wanted, near.number);
        sought.order = line_order;
        return this->take_window(window_order, sought);
    }
    /// Whole lines that the caller owns, of one word; bit i is line i from the line of `first` on. Answers
    /// those that did not become free: free already, in part or whole, or revoked.
    constexpr row_bits give_lines(frame<space> first, row_bits lines) noexcept {
        const auto shift = static_cast<unsigned>(first.number >> line_order) & (geometry::word_lines - 1);
        const std::size_t index = at_.line_word_of(first.number);
        const bits wrong = this->lines_in_rows(first.number, lines, static_cast<bits>(lines << shift));
        const bits mask = static_cast<bits>((lines & ~wrong) << shift);
        if (mask == 0) return wrong;
        const bits refused = base::give_lines(index, mask);
        return static_cast<row_bits>(wrong | (refused >> shift));
    }

    /// `first` is the first frame of a row, `mask` frames of it that the caller owns. Answers the bits that
    /// did not become free: free already, or revoked.
    constexpr row_bits give_row(frame<space> first, row_bits mask) noexcept {
        word* const words = this->words_;
        word& row = words[at_.row_at(first.number)];
        const bits whole = words[at_.whole_word_at(first.number)].load(memory_order::relaxed);
        if ((whole & geometry::line_bit_of(first.number)) != 0) return mask;
        const bits old = row.fetch_or(mask, memory_order::seq_cst);
        if ((old & mask) != 0) [[unlikely]]
            return gave_row(first, mask, old);
        return this->given(first.number, static_cast<bits>(old | mask), mask);
    }
    /// `first` lies in the attached range.
    [[nodiscard]] constexpr bool offers_row(frame<space> first) const noexcept {
        return !this->is_isolated(at_.line_of(first.number));
    }

    constexpr void drain() noexcept {}
    constexpr void drain(cpu_id) noexcept {}

    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept {
        return this->attached() && this->attached_range().contains(f) &&
               this->why_absent(f.number) == detail::absence::none;
    }

    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        std::uint64_t free = 0;
        if (!this->attached()) return free;
        for (std::size_t i = 0; i < at_.lines * line_rows; ++i) {
            free += count_bits(this->words_[geometry::rows_at + i]);
        }
        for (std::size_t i = 0; i < at_.whole_words; ++i) {
            free += count_bits(this->whole(i)) << line_order;
        }
        return free;
    }

    /// Frames that were free and in motion while they were revoked, so that `revoke` did not count them; each
    /// is told once. Any context.
    [[nodiscard]] constexpr std::uint64_t take_lost() const noexcept {
        if (!this->attached() || this->lost_word().load(memory_order::relaxed) == 0) return 0;
        return this->lost_word().exchange(0, memory_order::relaxed);
    }

    /// Ranges as large as they come, ascending.
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        range<space> run{};
        const auto add = [&](std::uint64_t first, std::uint64_t count) noexcept {
            if (!run.empty() && run.end().number == first) {
                run.count += count;
                return;
            }
            if (!run.empty()) sink(run);
            run = {frame<space>{first}, count};
        };
        for (std::size_t line = 0; this->attached() && line < at_.lines; ++line) {
            const std::uint64_t first = at_.frame_of_line(line);
            if (this->is_whole(line)) {
                add(first, geometry::line_frames);
                continue;
            }
            for (unsigned i = 0; i < line_rows; ++i) {
                bits rest = this->row(line, i).load(memory_order::relaxed);
                while (rest != 0) {
                    const auto bit = static_cast<unsigned>(std::countr_zero(rest));
                    const auto length =
                        static_cast<unsigned>(std::countr_one(static_cast<bits>(rest >> bit)));
                    add(first + i * geometry::row_frames + bit, length);
                    rest = static_cast<bits>(rest & ~(detail::low_bits<bits>(length) << bit));
                }
            }
        }
        if (!run.empty()) sink(run);
    }

    [[nodiscard]] constexpr errc validate() const noexcept {
        return !this->attached() || this->is_consistent() ? errc::ok : errc::corrupt;
    }

    /// See buddy_figures.
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        buddy_figures figures{};
        if (this->attached()) {
            figures.first_frame = at_.first;
            figures.frames = at_.count;
            for (std::size_t line = 0; line < at_.lines; ++line)
                figures.present_frames += present_frames(line);
            visit_free([&figures](range<space> run) noexcept { figures.add_free(run, top_order); });
            visit_free([this, &figures](range<space> run) noexcept {
                this->for_each_piece(run, [&](std::size_t line, std::uint64_t, std::uint64_t count) noexcept {
                    if (this->is_isolated(line)) figures.isolated_free_frames += count;
                });
            });
        }
        figures.tell(sink, top_order);
    }

 private:
    /// The rest of `give_row` where some bits were set in the row already.
    [[gnu::noinline]] constexpr row_bits gave_row(frame<space> first, row_bits mask, bits old) noexcept {
        const bits fresh = static_cast<bits>(mask & ~old);
        bits refused = static_cast<bits>(old & mask);
        if (fresh == 0) return refused;
        refused =
            static_cast<bits>(refused | this->given(first.number, static_cast<bits>(old | mask), fresh));
        return refused;
    }
    constexpr void unbind() noexcept { static_cast<base&>(*this) = base{}; }

    [[nodiscard]] constexpr search search_for(const request<space>& wanted,
                                              std::uint64_t near = base::nothing) const noexcept {
        return {wanted.order, at_.first + at_.count, wanted.effort, wanted.mobility, near};
    }
    [[nodiscard]] static constexpr bool serves_anywhere(const request<space>& wanted) noexcept {
        return wanted.nodes.is_all() && wanted.mirror != mirror::required && wanted.below == no_limit<space>;
    }
    [[nodiscard]] static constexpr std::uint64_t count_bits(const word& value) noexcept {
        return static_cast<std::uint64_t>(std::popcount(value.load(memory_order::relaxed)));
    }

    [[nodiscard]] constexpr std::uint64_t present_frames(std::size_t line) const noexcept {
        if (this->is_online(line)) return geometry::line_frames;
        if (!this->holes_.has_line(line)) return 0;
        std::uint64_t present = 0;
        const std::uint64_t first = at_.frame_of_line(line);
        for (std::uint64_t i = 0; i < geometry::line_frames; ++i) {
            present += this->why_absent(first + i) == detail::absence::none ? 1 : 0;
        }
        return present;
    }
};

}  // namespace ashlar
