// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/stage.hpp"
#include "bench/subject.hpp"

namespace bench {

/// One thread's view of a run: its subject, its CPU number, its part of the blocks that all share.
template <class Subject>
class part {
 public:
    part(benchmark::State& state, stage<Subject>& on)
        : state_(state),
          on_(on),
          cpu_(static_cast<unsigned>(state.thread_index())),
          subject_(on.enter(cpu_)) {}
    ~part() { on_.leave(cpu_); }
    part(const part&) = delete;
    part& operator=(const part&) = delete;

    [[nodiscard]] unsigned cpu() const { return cpu_; }
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

    [[nodiscard]] std::uint64_t allocate(unsigned order) {
        const std::uint64_t got = subject_.allocate(cpu_, order);
        failed_ |= got == no_block;
        return got;
    }
    void free(std::uint64_t block, unsigned order) { failed_ |= !subject_.free(cpu_, block, order); }

    /// Thread 0 looks whether all is there again, once all have freed; a failure is the run's error.
    void finish() {
        wait();
        if (failed_ || (cpu_ == 0 && !subject_.is_whole()))
            state_.SkipWithError("frames were lost, or refused");
    }

    std::size_t first = 0;
    std::size_t last = 0;

 private:
    benchmark::State& state_;
    stage<Subject>& on_;
    unsigned cpu_;
    Subject& subject_;
    bool failed_ = false;
};

/// Counters of what a thread spent on allocations and on frees, by pair.
inline void tell_apart(benchmark::State& state, double allocating, double freeing) {
    const auto pairs = static_cast<double>(state.iterations());
    state.counters["allocate_ns"] = benchmark::Counter(allocating / pairs, benchmark::Counter::kAvgThreads);
    state.counters["free_ns"] = benchmark::Counter(freeing / pairs, benchmark::Counter::kAvgThreads);
}

}  // namespace bench
