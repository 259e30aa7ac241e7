// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "bench/any_subject.hpp"
#include "bench/latencies.hpp"

namespace bench {

/// Takes the time of each operation of a subject, while it is asked to. By the clock on the wall: a thread
/// that was preempted waited, too.
class timed_subject {
 public:
    timed_subject(std::unique_ptr<any_subject> inner, unsigned cpus)
        : inner_(std::move(inner)), watches_(cpus) {}

    [[nodiscard]] std::uint64_t allocate(unsigned cpu, unsigned order) {
        const auto start = clock::now();
        const std::uint64_t got = inner_->allocate(cpu, order);
        note(cpu, clock::now() - start);
        return got;
    }
    [[nodiscard]] bool free(unsigned cpu, std::uint64_t first, unsigned order) {
        const auto start = clock::now();
        const bool freed = inner_->free(cpu, first, order);
        note(cpu, clock::now() - start);
        return freed;
    }
    [[nodiscard]] bool is_whole() const { return inner_->is_whole(); }

    void watch(unsigned cpu, bool on) { watches_[cpu].on = on; }
    /// Of all CPUs. Nobody is inside.
    void tell(benchmark::UserCounters& counters) const {
        latencies all;
        for (const watcher& each : watches_) all.add(each.taken);
        counters["worst_ns"] = static_cast<double>(all.worst());
        counters["p9999_ns"] = static_cast<double>(all.quantile(0.9999));
    }

 private:
    using clock = std::chrono::steady_clock;

    struct alignas(64) watcher {
        latencies taken;
        bool on = false;
    };

    void note(unsigned cpu, clock::duration time) {
        if (!watches_[cpu].on) return;
        watches_[cpu].taken.add(
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
    }

    std::unique_ptr<any_subject> inner_;
    std::vector<watcher> watches_;
};

}  // namespace bench
