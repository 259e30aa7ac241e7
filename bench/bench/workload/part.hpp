// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/stage.hpp"
#include "bench/subject.hpp"
#include "bench/whole_blocks.hpp"

namespace bench {

/// One thread's view of a run: its subject, its CPU number, its part of the blocks that all share.
template <class Subject>
class part {
 public:
    part(benchmark::State& state, stage<Subject>& on)
        : state_(state),
          on_(on),
          cpu_(static_cast<unsigned>(state.thread_index())),
          subject_(on.enter(cpu_)) {
        if (subject_ == nullptr) state.SkipWithError(on.error().c_str());
    }
    ~part() { on_.leave(cpu_); }
    part(const part&) = delete;
    part& operator=(const part&) = delete;

    /// False if there is nothing to measure.
    [[nodiscard]] bool ready() const { return subject_ != nullptr; }

    [[nodiscard]] Subject& subject() { return *subject_; }
    [[nodiscard]] unsigned cpu() const { return cpu_; }
    [[nodiscard]] unsigned threads() const { return on_.threads(); }
    void wait() { on_.wait(); }

    /// Room for at most so many blocks of all threads, of which this thread's are [first, last), as many as
    /// each other one's.
    void share(std::size_t all) {
        const std::size_t each = all / on_.threads();
        if (cpu_ == 0) on_.blocks.assign(each * on_.threads(), no_block);
        wait();
        first = each * cpu_;
        last = first + each;
    }
    [[nodiscard]] std::vector<std::uint64_t>& blocks() { return on_.blocks; }
    [[nodiscard]] std::vector<std::uint8_t>& orders() { return on_.orders; }

    [[nodiscard]] std::uint64_t allocate(unsigned order) {
        const std::uint64_t got = subject_->allocate(cpu_, order);
        failed_ |= got == no_block;
        return got;
    }
    void free(std::uint64_t block, unsigned order) { failed_ |= !subject_->free(cpu_, block, order); }

    /// Of a subject that has verbs for many blocks.
    template <std::size_t Count>
    void allocate_bulk(std::uint64_t (&blocks)[Count], unsigned order) {
        failed_ |= !subject_->allocate_bulk(blocks, order);
    }
    template <std::size_t Count>
    void free_bulk(const std::uint64_t (&blocks)[Count], unsigned order) {
        failed_ |= !subject_->free_bulk(blocks, order);
    }

    /// What comes before the one and after the other is not what the workload is about.
    void begins() { watch(true); }
    void ends() { watch(false); }

    /// How much of the free memory is in whole pageblocks, as a counter; `tell(take)` calls
    /// `take(first, order)` for the blocks that are out. Every thread calls it, thread 0 looks.
    template <class Tell>
    void count_whole_blocks(std::uint64_t frames, Tell tell) {
        wait();
        if (cpu_ == 0) {
            whole_blocks whole(frames);
            tell([&whole](std::uint64_t block, unsigned order) { whole.take(block, order); });
            if (const auto share = whole.share()) state_.counters["whole_blocks_share"] = *share;
        }
        wait();
    }

    /// Thread 0 looks whether all is there again, once all have freed; a failure is the run's error.
    void finish() {
        wait();
        if (failed_ || (cpu_ == 0 && !on_.is_whole())) state_.SkipWithError("frames were lost, or refused");
        if constexpr (requires { subject_->tell(state_.counters); }) {
            if (cpu_ == 0) subject_->tell(state_.counters);
        }
    }

    std::size_t first = 0;
    std::size_t last = 0;

 private:
    void watch(bool on) {
        if constexpr (requires { subject_->watch(cpu_, on); }) subject_->watch(cpu_, on);
    }

    benchmark::State& state_;
    stage<Subject>& on_;
    unsigned cpu_;
    Subject* subject_;
    bool failed_ = false;
};

}  // namespace bench
