// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/testing/call.hpp>
#include <ashlar/testing/holdings.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::testing {

/// One source against another: the same rolls of the dice for both, each with its own holdings. They may
/// choose different blocks, so their fragmentation differs. Compared are: error codes wherever they do not
/// hang on which blocks are free, whether an order-0 request is served while there is a frame for it, and the
/// totals of free frames. An allocation that only one of them could serve is given back, so that the holdings
/// keep the same orders at the same places.
///
/// `A` and `B` deal in the same space and have the same top order; isolation is done in the larger of the two
/// units.
///
/// Example:
/// ```
/// ashlar::testing::side_by_side<radix, list> run({{1024}, 4096}, 7);
/// std::string wrong = run.steps(10'000);       // empty, or what differed first
/// ```
template <class A, class B>
class side_by_side {
    static_assert(A::top_order == B::top_order, "side_by_side<A, B>: A and B must have the same top_order");

 public:
    using space = typename A::space;
    using frames_range = range<space>;

    side_by_side(frames_range frames, std::uint64_t seed)
        : frames_(frames),
          seed_(seed),
          stream_({.frames = frames,
                   .top_order = A::top_order,
                   .isolation_order =
                       A::isolation_order > B::isolation_order ? A::isolation_order : B::isolation_order,
                   .comparable = true},
                  seed),
          a_(frames),
          b_(frames),
          isolated_(static_cast<std::size_t>(frames.count)) {}

    /// Empty, or the first difference with the seed, the step and the two calls.
    [[nodiscard]] std::string steps(std::uint64_t count) {
        if (!a_.is_ready || !b_.is_ready) return "a source does not start";
        for (std::uint64_t i = 0; i < count; ++i, ++step_) {
            const auto roll = stream_.next_roll();
            auto stream_of_b = stream_;
            const call<space> for_a = stream_.shape_call(roll, a_.held);
            const call<space> for_b = stream_of_b.shape_call(roll, b_.held);
            std::string wrong = both(for_a, for_b);
            if (!wrong.empty()) {
                return join({"seed ", std::to_string(seed_), ", step ", std::to_string(step_), ", ",
                             to_string(for_a), " and ", to_string(for_b), ": ", wrong});
            }
        }
        return {};
    }
    /// Allocations that both served, and that only one of them did.
    [[nodiscard]] std::uint64_t served_by_both() const { return served_by_both_; }
    [[nodiscard]] std::uint64_t served_by_one() const { return served_by_one_; }

 private:
    template <class Source>
    struct side {
        explicit side(frames_range frames)
            : attached(frames), words(Source::metadata_words(frames)), source(std::make_unique<Source>()) {
            is_ready = source->attach(frames, words.words(), start::fresh) == errc::ok &&
                       source->online(frames) == errc::ok;
        }
        [[nodiscard]] bool recover() {
            word_buffer<typename Source::word> copy(Source::metadata_words(attached));
            copy.copy_from(words);
            source = std::make_unique<Source>();
            words = std::move(copy);
            return source->attach(attached, words.words(), start::recover) == errc::ok;
        }

        frames_range attached;
        word_buffer<typename Source::word> words;
        std::unique_ptr<Source> source;
        holdings<space> held{Source::top_order};
        bool is_ready = false;
    };

    [[nodiscard]] std::string both(const call<space>& for_a, const call<space>& for_b) {
        if (for_a.which == verb::attach) return a_.recover() && b_.recover() ? "" : "a recovery fails";
        if (for_a.which == verb::validate) {
            return a_.source->validate() == errc::ok && b_.source->validate() == errc::ok ? "" : "validate";
        }
        const answer<space> from_a = make(*a_.source, for_a);
        const answer<space> from_b = make(*b_.source, for_b);
        if (for_a.which == verb::allocate) {
            std::string wrong = compare_allocations(for_a.wanted, from_a, from_b);
            if (!wrong.empty()) return wrong;
        } else if (from_a.error != from_b.error) {
            return join({to_string(from_a.error), " and ", to_string(from_b.error)});
        } else if (for_a.which == verb::free && from_a.error == errc::ok) {
            a_.held.remove(block(for_a.frames.first, for_a.order));
            b_.held.remove(block(for_b.frames.first, for_b.order));
        } else if ((for_a.which == verb::isolate || for_a.which == verb::readmit) &&
                   from_a.error == errc::ok) {
            note_isolation(for_a.frames, for_a.which == verb::isolate);
        }
        a_.source->drain();
        b_.source->drain();
        return a_.source->free_frames() == b_.source->free_frames() ? "" : "the totals of free frames";
    }

    [[nodiscard]] std::string compare_allocations(const request<space>& wanted, const answer<space>& from_a,
                                                  const answer<space>& from_b) {
        const bool a_served = from_a.error == errc::ok;
        const bool b_served = from_b.error == errc::ok;
        if (a_served && b_served) {
            a_.held.add(block(from_a.first, wanted.order));
            b_.held.add(block(from_b.first, wanted.order));
            ++served_by_both_;
            return {};
        }
        if (a_served != b_served) {
            ++served_by_one_;
            const errc given_back = a_served ? a_.source->free(from_a.first, wanted.order)
                                             : b_.source->free(from_b.first, wanted.order);
            if (given_back != errc::ok) return "a block is not taken back";
        }
        // A bound on the search may stop one of them earlier.
        if (wanted.effort != unbounded_effort) return {};
        if (a_served != b_served && wanted.order == 0) {
            const bool missed =
                a_served ? has_frame_for(*b_.source, wanted) : has_frame_for(*a_.source, wanted);
            if (missed) return "one of them has a frame and says that it has none";
        }
        if (from_a.error == from_b.error || a_served != b_served) return {};
        return join({to_string(from_a.error), " and ", to_string(from_b.error)});
    }

    template <class Source>
    [[nodiscard]] bool has_frame_for(const Source& source, const request<space>& wanted) const {
        bool found = false;
        source.visit_free([&](frames_range free) {
            for (std::uint64_t i = 0; i < free.count; ++i) {
                const frame<space> f = free.first + i;
                found = found || (f < wanted.below && f.number != 0 && !isolated_[index_of(f)]);
            }
        });
        return found;
    }
    [[nodiscard]] std::size_t index_of(frame<space> f) const {
        return static_cast<std::size_t>(f.number - frames_.first.number);
    }
    void note_isolation(frames_range frames, bool isolated) {
        for (std::uint64_t i = 0; i < frames.count; ++i) isolated_[index_of(frames.first + i)] = isolated;
    }

    frames_range frames_;
    std::uint64_t seed_;
    request_stream<space> stream_;
    side<A> a_;
    side<B> b_;
    std::vector<bool> isolated_;  ///< of every frame, the same in both
    std::uint64_t step_ = 0;
    std::uint64_t served_by_both_ = 0;
    std::uint64_t served_by_one_ = 0;
};

}  // namespace ashlar::testing
