// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/own_words.hpp>
#include <ashlar/layer/ownership_bits.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// One more bit a frame, set while it is handed out: every free of a frame that nobody holds is told, at once
/// and on any CPU, wherever the frame lies: in another CPU's slot, too. A bit does not know owners: a frame
/// that was freed and has been handed out anew can be freed by whoever held it before. The outermost layer:
/// all frames are taken and freed through it.
///
/// - Invariant at quiescence: the bits are those of the frames that users hold. Of a frame in the source, or
///   in a slot inside of it, the bit is clear.
/// - Words: {identity} in a line, then the bits; see `detail::ownership_bits`.
///
/// | who | bits of the block | when |
/// |---|---|---|
/// | allocate, allocate_at | `fetch_or`, all are clear | after the source, before the caller knows |
/// | free | `fetch_and`, all are set | before the source, which may hand the block out anew |
/// | free, refused by the source | `fetch_or` | before the caller knows |
///
/// All accesses are relaxed: of two frees of one frame the word's own order lets one see the bit, and a free
/// and the next allocation are ordered by the source. A block that is not all there is undone: only a wrong
/// free that meets a right one for part of it in this moment can have that one refused.
///
/// - Online, offline, isolate, readmit: the source's; frames that come or leave are free. Revoked frames keep
///   their bits: who holds one is told `revoked` by the source, as often as he asks.
/// - Recovery: the bits stand. Where the source takes a `live` predicate they are it: nothing is lost, not
///   even what slots held, for a frame without a bit is nobody's. Where it takes none, a bit is cleared where
///   the source has the frame free. With `live` of the caller's, he is believed, and the bits are made anew.
/// - Complexity: the source's verb and a read-modify-write of a shared word, for each word of the block. Bits
///   of neighbours share a cache line: CPUs that free each other's frames wait for it.
/// - Context: as the source.
/// - Failure: that of the source. `corrupt`, and the defect hook, for frames that the source hands out while
///   somebody holds them: they stay out of circulation. A source without `would_free` cannot tell why a free
///   frame was revoked or went offline: a free of it is `not_owned`.
///
/// Example:
/// ```
/// using frames = ashlar::ownership_checked<ashlar::cpu_rows<ashlar::radix_buddy<my_platform>>>;
/// const auto page = memory.allocate({});
/// (void)memory.free(*page, 0);                     // it lies in this CPU's slot now
/// (void)memory.free(*page, 0);                     // double_free, from any CPU
/// ```
template <class Source>
class ownership_checked {
    static_assert(frame_source<Source>, "ownership_checked<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        const std::size_t own = bits::words_for(frames);
        return own == 0 ? 0 : add_words(own, Source::metadata_words(frames));
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return adopt(frames, words, how, [&](const bits& held, view<word> rest) noexcept {
            if constexpr (takes_live) {
                if (how == start::recover) {
                    return inner_.attach(frames, rest, how,
                                         [&](frame<space> f) noexcept { return held.has(f); });
                }
            }
            return inner_.attach(frames, rest, how);
        });
    }
    /// Where the source can tell lost frames from live ones (see `list_buddy::attach`).
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return adopt(frames, words, how, [&](const bits& held, view<word> rest) noexcept {
            const errc answer = inner_.attach(frames, rest, how, live);
            if (answer != errc::ok || how == start::fresh) return answer;
            held.clear_all();
            for (std::uint64_t i = 0; i < frames.count; ++i) {
                if (inner_.owns(frames.first + i)) (void)held.hand_out({frames.first + i, 1});
            }
            return answer;
        });
    }
    constexpr errc detach(range<space> frames) noexcept {
        const errc answer = inner_.detach(frames);
        if (answer == errc::ok) bits_ = {};
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept { return inner_.offline(frames); }
    constexpr errc isolate(range<space> frames) noexcept { return inner_.isolate(frames); }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept { return inner_.revoke(frames); }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const result<frame<space>> got = inner_.allocate(wanted);
        if (!got) return got;
        const errc wrong = hand_out(block(*got, wanted.order));
        return wrong == errc::ok ? got : result<frame<space>>(wrong);
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        const errc answer = inner_.allocate_at(frames);
        return answer == errc::ok ? hand_out(frames) : answer;
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        // What is no block of this range the source refuses, and says why.
        if (!is_block(first, order)) return inner_.free(first, order);
        if (!bits_.take_back(block(first, order))) return why_not_held(first, order);
        const errc answer = inner_.free(first, order);
        if (answer != errc::ok) (void)bits_.hand_out(block(first, order));
        return answer;
    }
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        if (order > top_order) return errc::unsupported;
        if (!bits_.covered().contains(block(first, order))) return errc::not_owned;
        if (!aligned(first, order)) return errc::misaligned;
        const errc wrong = source_would_free(first, order);
        return wrong != errc::ok || bits_.all_of(block(first, order)) ? wrong : errc::double_free;
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
    /// Frames that users hold, revoked ones that they have not given up included; exact at quiescence.
    [[nodiscard]] constexpr std::uint64_t held_by_users() const noexcept { return bits_.count(); }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    /// Also that no free frame is handed out.
    [[nodiscard]] constexpr errc validate() const noexcept {
        errc answer = inner_.validate();
        inner_.visit_free([&](range<space> free) noexcept {
            if (!bits_.covered().contains(free) || !bits_.none_of(free)) answer = errc::corrupt;
        });
        return answer;
    }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        inner_.describe(sink);
    }

    /// The source, past the bits: frames are neither taken nor freed there.
    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    using bits = detail::ownership_bits<word, space>;

    static constexpr bool takes_live =
        requires(Source & source, range<space> frames, view<word> words, bool (*live)(frame<space>)) {
        source.attach(frames, words, start::recover, live);
    };

    [[nodiscard]] constexpr bool is_block(frame<space> first, unsigned order) const noexcept {
        return order <= top_order && aligned(first, order) && bits_.covered().contains(block(first, order));
    }
    constexpr errc hand_out(range<space> frames) noexcept {
        if (bits_.hand_out(frames)) return errc::ok;
        platform_type::defect(errc::corrupt, frames.first.number);
        return errc::corrupt;
    }
    /// For a block of this range.
    [[nodiscard]] constexpr errc source_would_free(frame<space> first, unsigned order) const noexcept {
        if constexpr (free_checking_source<Source>) {
            return inner_.would_free(first, order);
        } else {
            bool online = true;
            for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
                online = online && inner_.owns(first + i);
            }
            return online ? errc::ok : errc::not_owned;
        }
    }
    [[nodiscard]] constexpr errc why_not_held(frame<space> first, unsigned order) const noexcept {
        const errc wrong = source_would_free(first, order);
        return wrong == errc::ok ? errc::double_free : wrong;
    }

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, start how,
                         AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<ownership_checked>(bits_.bound(), frames, words);
        if (wrong != errc::ok) return wrong;
        const bits next(frames, words.data());
        if (how == start::recover && !next.is_recoverable()) return errc::corrupt;
        if (how == start::fresh) {
            next.set_identity(false);
            next.clear_all();
        }
        const errc answer = attach_inner(next, words.subview(bits::words_for(frames)));
        if (answer != errc::ok) return answer;
        inner_.visit_free([&](range<space> free) noexcept { next.clear(free); });
        next.set_identity(true);
        bits_ = next;
        return errc::ok;
    }

    Source inner_{};
    bits bits_{};
};

}  // namespace ashlar
