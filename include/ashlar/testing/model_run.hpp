// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <ashlar/core/source.hpp>
#include <ashlar/testing/call.hpp>
#include <ashlar/testing/error_set.hpp>
#include <ashlar/testing/holdings.hpp>
#include <ashlar/testing/naive_bitmap.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::testing {

/// What a source under test may do beyond the oracle.
struct model_freedom {
    bool limits = false;         ///< online, offline and revoke may say `limit` (a table of stated capacity)
    bool per_cpu_slots = false;  ///< free frames may be held back until a drain
};

/// A source against the oracle, call by call. The oracle does not say which block is to be chosen: it checks
/// that the block was free, aligned, below the limit and not isolated, that `exhausted` is only said when no
/// block fits, and that every other error is one the call deserves. Free frames are compared after every
/// call; which frames are free and online, `validate` and `describe` at every `validate` of the stream.
///
/// A source with a description (a zone) judges nodes and mirrored memory by it; from the others, requirements
/// for them deserve `unsupported`.
///
/// Recovery (`attach` in the stream) goes on with a new instance over a copy of the words, and, where the
/// source takes a `live` predicate, sometimes after part of the holdings was lost.
///
/// Example:
/// ```
/// ashlar::testing::model_run<frames> run({{68}, 444}, 1);
/// std::string wrong = run.steps(100'000);       // empty, or what went wrong first
/// ```
template <class Source, class Bits = random_bits>
class model_run {
 public:
    using space = typename Source::space;
    using frames_range = range<space>;
    using oracle_type =
        naive_bitmap<typename Source::platform_type,
                     buddy_shape{.top_order = Source::top_order, .pageblock_order = Source::isolation_order}>;

    model_run(frames_range frames, std::uint64_t seed, model_freedom freedom = {})
        : model_run(frames, seed, freedom, Bits(seed)) {}
    /// With dice of the caller's (a fuzzer's input): four words a step.
    model_run(frames_range frames, std::uint64_t seed, model_freedom freedom, Bits bits)
        : frames_(frames),
          seed_(seed),
          freedom_(freedom),
          words_(Source::metadata_words(frames)),
          oracle_words_(oracle_type::metadata_words(frames)),
          stream_(
              {.frames = frames, .top_order = Source::top_order, .isolation_order = Source::isolation_order},
              bits),
          held_(Source::top_order) {}

    /// Empty, or the first disagreement with the seed, the step and the call.
    [[nodiscard]] std::string steps(std::uint64_t count) {
        if (!source_ && !start_anew()) return describe_failure("a new start fails", {});
        for (std::uint64_t i = 0; i < count; ++i, ++step_) {
            const call<space> next = stream_.next(held_);
            std::string wrong = one(next);
            if (!wrong.empty()) return describe_failure(wrong, next);
        }
        std::string wrong = compare();
        return wrong.empty() ? wrong : describe_failure(wrong, {});
    }
    /// How many calls succeeded and how many did not, in all and of one verb: so that a test can see that
    /// both happened.
    [[nodiscard]] std::uint64_t successes() const { return sum(successes_); }
    [[nodiscard]] std::uint64_t failures() const { return sum(failures_); }
    [[nodiscard]] std::uint64_t successes(verb which) const {
        return successes_[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] std::uint64_t failures(verb which) const {
        return failures_[static_cast<std::size_t>(which)];
    }
    /// How often `exhausted` was said and found true.
    [[nodiscard]] std::uint64_t exhaustions() const { return exhaustions_; }

 private:
    using tally = std::array<std::uint64_t, 32>;

    [[nodiscard]] static std::uint64_t sum(const tally& counts) {
        std::uint64_t total = 0;
        for (const std::uint64_t each : counts) total += each;
        return total;
    }

    static constexpr bool takes_live = requires(
        Source source, frames_range frames, view<typename Source::word> words, bool (*live)(frame<space>)) {
        source.attach(frames, words, start::recover, live);
    };

    [[nodiscard]] std::string describe_failure(const std::string& wrong, const call<space>& at) const {
        return join({"seed ", std::to_string(seed_), ", step ", std::to_string(step_), ", ", to_string(at),
                     ": ", wrong});
    }
    [[nodiscard]] std::uint64_t dice() { return (dice_ = random_bits(dice_ + seed_)()) >> 8; }

    [[nodiscard]] std::string one(const call<space>& next) {
        if (next.which == verb::attach) return recover();
        if (next.which == verb::validate) {
            return oracle_.revoked_frames() * 4 > frames_.count ? restart() : compare();
        }
        if (next.which == verb::detach) return restart();
        const answer<space> got = make(*source_, next);
        std::string wrong = judge(next, got);
        if (!wrong.empty()) return wrong;
        ++(got.error == errc::ok ? successes_ : failures_)[static_cast<std::size_t>(next.which)];
        const std::uint64_t said = source_->free_frames();
        if (said == free_ || (freedom_.per_cpu_slots && said < free_)) return {};
        return join({"free_frames ", std::to_string(said), " instead of ", std::to_string(free_)});
    }

    /// The oracle's word on an answer; what succeeded is done to the oracle and the holdings.
    [[nodiscard]] std::string judge(const call<space>& made, const answer<space>& got) {
        switch (made.which) {
            case verb::allocate:
                return judge_allocation(made.wanted, got);
            case verb::allocate_at:
                return judge_by(oracle_.wrong_allocate_at(made.frames), made, got, [&] {
                    held_.add(made.frames);
                    free_ -= made.frames.count;
                });
            case verb::free:
                return judge_free(made, got);
            case verb::isolate:
            case verb::readmit:
                return judge_by(oracle_.wrong_isolate(made.frames), made, got, [] {});
            case verb::online:
                return judge_by(oracle_.wrong_online(made.frames), made, got,
                                [&] { free_ += made.frames.count; });
            case verb::offline:
                return judge_by(oracle_.wrong_offline(made.frames), made, got,
                                [&] { free_ -= made.frames.count; });
            case verb::revoke:
                return judge_revoke(made, got);
            default:
                return got.error == errc::ok ? "" : "a drain fails";
        }
    }
    template <class Done>
    [[nodiscard]] std::string judge_by(error_set deserved, const call<space>& made, const answer<space>& got,
                                       Done done) {
        const bool may_be_full =
            made.which == verb::online || made.which == verb::offline || made.which == verb::revoke;
        if (got.error == errc::limit && freedom_.limits && may_be_full) return {};
        if (!deserved.allows(got.error)) {
            return join({"it says ", to_string(got.error), ", the oracle ", to_string(deserved.first())});
        }
        if (got.error != errc::ok) return {};
        if (make(oracle_, made).error != errc::ok) return "the oracle contradicts itself";
        done();
        return {};
    }
    [[nodiscard]] std::string judge_free(const call<space>& made, const answer<space>& got) {
        const error_set deserved = oracle_.wrong_free(made.frames.first, made.order);
        std::string wrong = judge_by(deserved, made, got, [&] {
            held_.remove(block(made.frames.first, made.order));
            free_ += std::uint64_t{1} << made.order;
        });
        // What was revoked while it was held cannot be given back: the user forgets it.
        if (wrong.empty() && got.error == errc::revoked) {
            const frames_range named = block(made.frames.first, made.order).clipped_to(frames_);
            for (std::uint64_t i = 0; i < named.count; ++i) {
                if (oracle_.has_revoked(named.first + i)) held_.remove({named.first + i, 1});
            }
        }
        return wrong;
    }
    [[nodiscard]] std::string judge_revoke(const call<space>& made, const answer<space>& got) {
        std::uint64_t leaving = 0;
        const frames_range inside = made.frames.clipped_to(frames_);
        for (std::uint64_t i = 0; i < inside.count; ++i)
            leaving += oracle_.has_free(inside.first + i) ? 1 : 0;
        std::string wrong = judge_by(oracle_.wrong_revoke(made.frames), made, got, [&] { free_ -= leaving; });
        if (wrong.empty() && got.error == errc::ok && got.count != leaving)
            return "the count of revoked free frames";
        return wrong;
    }
    /// What a request deserves whatever memory is free.
    [[nodiscard]] error_set unmet_requirements(const request<space>& wanted) const {
        error_set wrong;
        wrong.add_if(wanted.order > Source::top_order, errc::unsupported);
        if constexpr (requires(const Source& source) { source.description(); }) {
            const auto& what = source_->description();
            wrong.add_if(!wanted.nodes.contains(what.node), errc::exhausted);
            wrong.add_if(wanted.mirror == mirror::required && !what.mirrored, errc::exhausted);
        } else {
            wrong.add_if(!wanted.nodes.is_all() || wanted.mirror == mirror::required, errc::unsupported);
        }
        return wrong;
    }
    [[nodiscard]] static request<space> of_any_memory(request<space> wanted) {
        wanted.nodes = node_set::all();
        wanted.mirror = mirror::unspecified;
        return wanted;
    }
    [[nodiscard]] std::string judge_allocation(const request<space>& wanted, const answer<space>& got) {
        if (got.error == errc::limit && wanted.effort != unbounded_effort) return {};
        const error_set unmet = unmet_requirements(wanted);
        if (got.error != errc::ok) {
            exhaustions_ += got.error == errc::exhausted ? 1 : 0;
            const error_set deserved = unmet.empty() ? oracle_.wrong_allocate(of_any_memory(wanted)) : unmet;
            if (deserved.allows(got.error)) return {};
            if (got.error == errc::exhausted && freedom_.per_cpu_slots) return {};
            return join({"it says ", to_string(got.error), ", the oracle ", to_string(deserved.first())});
        }
        if (!unmet.empty()) return "it serves what it cannot judge or does not have";
        const frames_range taken = block(got.first, wanted.order);
        const std::string where = join({" (frame ", std::to_string(got.first.number), ")"});
        if (got.first.number == 0) return "frame 0 is handed out";
        if (!aligned(got.first, wanted.order)) return join({"the block is not aligned", where});
        if (taken.end() > wanted.below) return join({"the block is not below the limit", where});
        for (std::uint64_t i = 0; i < taken.count; ++i) {
            if (oracle_.has_isolated(taken.first + i)) return join({"the block is isolated", where});
        }
        if (oracle_.allocate_at(taken) != errc::ok) return join({"the block was not free", where});
        held_.add(taken);
        free_ -= taken.count;
        return {};
    }

    [[nodiscard]] std::string recover() {
        // A recovery discards what slots hold.
        source_->drain();
        word_buffer<typename Source::word> copy(Source::metadata_words(frames_));
        copy.copy_from(words_);
        auto next = std::make_unique<Source>();
        errc answer = errc::ok;
        if constexpr (takes_live) {
            if (dice() % 2 == 0) {
                if (dice() % 2 == 0) held_.lose_every(3);
                const std::vector<bool> flags = held_.flags(frames_);
                const auto live = [&](frame<space> f) {
                    return flags[static_cast<std::size_t>(f.number - frames_.first.number)];
                };
                answer = next->attach(frames_, copy.words(), start::recover, live);
                if (oracle_.detach(frames_) != errc::ok ||
                    oracle_.attach(frames_, oracle_words_.words(), start::recover, live) != errc::ok) {
                    return "the oracle does not recover";
                }
                free_ = oracle_.free_frames();
            } else {
                answer = next->attach(frames_, copy.words(), start::recover);
            }
        } else {
            answer = next->attach(frames_, copy.words(), start::recover);
        }
        if (answer != errc::ok) return join({"recovery says ", to_string(answer)});
        source_ = std::move(next);
        words_ = std::move(copy);
        return compare();
    }

    [[nodiscard]] std::string restart() {
        std::string wrong = compare();
        if (!wrong.empty()) return wrong;
        return start_anew() ? "" : "a new start fails";
    }
    /// Attached fresh, with everything online but a few holes.
    [[nodiscard]] bool start_anew() {
        if (source_ && (source_->detach(frames_) != errc::ok || oracle_.detach(frames_) != errc::ok))
            return false;
        source_ = std::make_unique<Source>();
        held_.clear();
        free_ = 0;
        if (source_->attach(frames_, words_.words(), start::fresh) != errc::ok) return false;
        if (oracle_.attach(frames_, oracle_words_.words(), start::fresh) != errc::ok) return false;
        frame<space> at = frames_.first;
        while (frames_.contains(at)) {
            const std::uint64_t rest = frames_.end().number - at.number;
            const frames_range piece{at, 1 + dice() % rest};
            if (source_->online(piece) != errc::ok || oracle_.online(piece) != errc::ok) return false;
            free_ += piece.count;
            at = piece.end() + dice() % 5;
        }
        return true;
    }

    /// Everything that can be seen from outside.
    [[nodiscard]] std::string compare() {
        source_->drain();
        if (source_->validate() != errc::ok) return "validate finds a contradiction";
        if (source_->free_frames() != free_ || oracle_.free_frames() != free_)
            return "the total of free frames";
        std::vector<bool> seen(static_cast<std::size_t>(frames_.count));
        std::string wrong;
        source_->visit_free([&](frames_range piece) {
            if (!frames_.contains(piece)) wrong = "visit_free leaves the attached range";
            const frames_range inside = piece.clipped_to(frames_);
            for (std::uint64_t i = 0; i < inside.count; ++i) {
                const auto index = static_cast<std::size_t>(inside.first.number + i - frames_.first.number);
                if (seen[index]) wrong = "visit_free names a frame twice";
                seen[index] = true;
            }
        });
        for (std::uint64_t i = 0; i < frames_.count && wrong.empty(); ++i) {
            const frame<space> f = frames_.first + i;
            const std::string where = join({" (frame ", std::to_string(f.number), ")"});
            if (seen[static_cast<std::size_t>(i)] != oracle_.has_free(f))
                wrong = join({"which frames are free", where});
            if (source_->owns(f) != oracle_.owns(f)) wrong = join({"which frames are online", where});
        }
        if (source_->owns({frames_.first.number - 1}) || source_->owns(frames_.end()))
            wrong = "it owns a foreign frame";
        source_->describe([&](const char* name, std::uint64_t value) {
            if (std::string(name) == "free_frames" && value != free_)
                wrong = "what describe says of free frames";
        });
        return wrong;
    }

    frames_range frames_;
    std::uint64_t seed_;
    model_freedom freedom_;
    word_buffer<typename Source::word> words_;
    word_buffer<typename oracle_type::word> oracle_words_;
    std::unique_ptr<Source> source_;
    oracle_type oracle_;
    request_stream<space, Bits> stream_;
    holdings<space> held_;
    std::uint64_t free_ = 0;
    std::uint64_t step_ = 0;
    std::uint64_t dice_ = 0;
    tally successes_{};
    tally failures_{};
    std::uint64_t exhaustions_ = 0;
};

}  // namespace ashlar::testing
