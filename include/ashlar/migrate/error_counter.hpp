// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// How many corrected errors are too many, and how many migrations. Times in nanoseconds. The first two are
/// mcelog's default for pages: 10 in 24 hours.
struct error_rules {
    std::uint32_t errors = 10;  ///< of one frame, within `period`
    std::uint64_t period = std::uint64_t{86'400} * 1'000'000'000;
    std::uint32_t moves = 16;  ///< of all frames, within `move_period`
    std::uint64_t move_period = std::uint64_t{60} * 1'000'000'000;
};

/// What is to be done about a corrected error.
enum class error_verdict : std::uint8_t {
    counted,   ///< nothing yet
    migrate,   ///< the frame has had too many: its bytes are to move away; its bucket is empty again
    deferred,  ///< as `migrate`, but there is a storm: the next error of the frame asks again
    missed,    ///< somebody else was inside: the error was not counted
};

/// The corrected errors of one frame, as `error_counter` keeps them; zero at first.
struct error_bucket {
    frame<machine> of{};
    std::uint32_t level = 0;   ///< 0: not in use
    std::uint64_t leaked = 0;  ///< up to when
};

/// A leaky bucket for each frame with corrected errors: an error fills it by one, time empties it evenly; a
/// frame whose bucket is full is to be migrated. One more bucket, of all migrations, holds back a storm.
///
/// - Invariant: a bucket holds at most `errors`, `counted()` and `missed()` add up to the errors reported.
/// - A fixed number of buckets, the caller's: where all are in use the emptiest one is given up, and what it
///   held is counted as forgotten.
/// - Protocol: one word, taken by an acquiring exchange, left by a releasing store; who does not get it does
///   not wait, and is told `missed`. So the verbs may be called from interrupts and NMIs of a verb.
/// - Complexity: a pass over the buckets. Context: any. Time: the platform's `clock`.
/// - Source: Linux drivers/ras/cec.c (a collector with decay), mcelog (leaky buckets for pages).
///
/// ```
/// ashlar::error_bucket buckets[64]{};
/// ashlar::error_counter<my_platform> errors(buckets, {.errors = 3, .period = 3'600'000'000'000});
/// if (errors.note(frame) == ashlar::error_verdict::migrate) (void)mover.vacate(frame);
/// ```
template <class Platform>
class error_counter {
    static_assert(clock<Platform>, "error_counter<Platform>: the platform must offer a clock (now)");
    using word = typename Platform::template atomic<std::uint32_t>;

 public:
    constexpr error_counter(view<error_bucket> buckets, error_rules rules = {}) noexcept
        : buckets_(buckets), rules_(rules) {}
    error_counter(const error_counter&) = delete;
    error_counter& operator=(const error_counter&) = delete;

    /// A corrected error in a frame.
    error_verdict note(frame<machine> f) noexcept {
        if (claim_.exchange(1, memory_order::acquire) != 0) {
            (void)missed_.fetch_add(1, memory_order::relaxed);
            return error_verdict::missed;
        }
        const error_verdict verdict = decide(f, Platform::now());
        claim_.store(0, memory_order::release);
        return verdict;
    }

    // Exact while nobody is inside.
    /// Errors that were counted.
    [[nodiscard]] std::uint64_t counted() const noexcept { return counted_; }
    /// Errors of buckets that were given up, and those for which there was none.
    [[nodiscard]] std::uint64_t forgotten() const noexcept { return forgotten_; }
    /// How often a storm held a migration back.
    [[nodiscard]] std::uint64_t deferred() const noexcept { return deferred_; }
    /// Errors that came while somebody was inside.
    [[nodiscard]] std::uint32_t missed() const noexcept { return missed_.load(memory_order::relaxed); }
    /// What is in a frame's bucket, as of its last error.
    [[nodiscard]] std::uint32_t level_of(frame<machine> f) const noexcept {
        for (const error_bucket& each : buckets_) {
            if (each.level != 0 && each.of == f) return each.level;
        }
        return 0;
    }

 private:
    /// Lets out what time has emptied: evenly, `most` in a period.
    static constexpr void leak(error_bucket& bucket, std::uint64_t now, std::uint32_t most,
                               std::uint64_t period) noexcept {
        if (bucket.level == 0) bucket.leaked = now;
        const std::uint64_t each = most == 0 || period / most == 0 ? 1 : period / most;
        const std::uint64_t drops = (now - bucket.leaked) / each;
        if (drops >= bucket.level) {
            bucket.level = 0;
            bucket.leaked = now;
        } else {
            bucket.level -= static_cast<std::uint32_t>(drops);
            bucket.leaked += drops * each;
        }
    }

    error_verdict decide(frame<machine> f, std::uint64_t now) noexcept {
        error_bucket* const bucket = bucket_of(f, now);
        ++counted_;
        if (bucket == nullptr) {
            ++forgotten_;
            return error_verdict::counted;
        }
        if (bucket->level < rules_.errors) ++bucket->level;
        if (bucket->level < rules_.errors) return error_verdict::counted;
        leak(storm_, now, rules_.moves, rules_.move_period);
        if (storm_.level >= rules_.moves) {
            ++deferred_;
            return error_verdict::deferred;
        }
        ++storm_.level;
        bucket->level = 0;
        return error_verdict::migrate;
    }
    /// The frame's bucket, a free one, or the emptiest; null if there is none.
    error_bucket* bucket_of(frame<machine> f, std::uint64_t now) noexcept {
        error_bucket* emptiest = nullptr;
        for (error_bucket& each : buckets_) {
            if (each.level != 0) leak(each, now, rules_.errors, rules_.period);
            if (each.level != 0 && each.of == f) return &each;
            if (emptiest == nullptr || each.level < emptiest->level) emptiest = &each;
        }
        if (emptiest == nullptr) return nullptr;
        forgotten_ += emptiest->level;
        *emptiest = {f, 0, now};
        return emptiest;
    }

    view<error_bucket> buckets_;
    error_rules rules_;
    error_bucket storm_{};
    std::uint64_t counted_ = 0;
    std::uint64_t forgotten_ = 0;
    std::uint64_t deferred_ = 0;
    word claim_{};
    word missed_{};
};

}  // namespace ashlar
