// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bench/any_subject.hpp"
#include "bench/plan.hpp"
#include "bench/platforms.hpp"
#include "bench/subject.hpp"
#include "bench/vast.hpp"
#include "bench/workload/batch.hpp"
#include "bench/workload/bulk.hpp"
#include "bench/workload/churn.hpp"
#include "bench/workload/fail.hpp"
#include "bench/workload/handover.hpp"
#include "bench/workload/mixed.hpp"
#include "bench/workload/same.hpp"
#include "bench/workload/trace.hpp"

namespace bench {

/// Which workloads: every one, or `same` alone.
enum class extent { all, same };

/// The workloads of one subject; `name` is what stands between the workload and its parameters.
template <class Subject>
class registry {
 public:
    using make_subject = std::function<std::shared_ptr<Subject>(std::uint64_t frames, unsigned cpus)>;

    registry(std::string name, make_subject make, const plan& what)
        : name_(std::move(name)), make_(std::move(make)), plan_(what) {}

    void add_same() const {
        for (const unsigned order : {0u, 3u, 9u}) {
            add("same", "/order:" + std::to_string(order),
                [=](auto& state, auto& mine) { same(state, mine, order); });
        }
    }

    void add_all() const {
        add_same();
        const std::uint64_t frames = plan_.wanted.frames;
        for (const unsigned order : {0u, 3u, 9u}) {
            const std::string with = "/order:" + std::to_string(order);
            add("bulk", with, [=](auto& state, auto& mine) { bulk(state, mine, frames, order, false); });
            add("random", with, [=](auto& state, auto& mine) { bulk(state, mine, frames, order, true); });
            for (const unsigned load : {50u, 90u}) {
                add("churn", with + "/load:" + std::to_string(load),
                    [=](auto& state, auto& mine) { churn(state, mine, frames, order, load); });
            }
        }
        if constexpr (requires(Subject & subject, std::uint64_t(&blocks)[batch_blocks]) {
                          subject.allocate_bulk(blocks, 0u);
                      }) {
            for (const unsigned order : {0u, 3u, 9u}) {
                const std::string with = "/order:" + std::to_string(order);
                add("batch", with, [=](auto& state, auto& mine) { batch(state, mine, order); });
                add("batch_one_by_one", with,
                    [=](auto& state, auto& mine) { batch_one_by_one(state, mine, order); });
            }
        }
        add("mixed", "", [=](auto& state, auto& mine) { mixed(state, mine, frames); });
        add_on("handover", "/order:0", most_threads, frames,
               [](auto& state, auto& mine) { handover(state, mine, 0); });
        if (plan_.events == nullptr) return;
        // At least the GiB of the machine that the shipped trace was taken on.
        const std::uint64_t traced =
            std::max<std::uint64_t>(std::uint64_t{1} << 18, std::bit_ceil(plan_.events->peak_frames));
        add_on("trace", "", 1, traced, [traced, events = plan_.events](auto& state, auto& mine) {
            trace(state, mine, traced, *events);
        });
    }

    void add_sizes() const {
        for (const std::string& size : plan_.wanted.sizes) {
            const std::uint64_t all = frames_of("--sizes", size);
            const std::uint64_t frames = spread_frames(all);
            const std::string memory = "/memory:" + size;
            for (const unsigned order : {0u, 3u, 9u}) {
                const std::string with = "/order:" + std::to_string(order) + memory;
                add_vast("bulk", with, all,
                         [=](auto& state, auto& mine) { bulk(state, mine, frames, order, false); });
                add_vast("same", with, all, [=](auto& state, auto& mine) { same(state, mine, order); });
                add_vast("random", with, all,
                         [=](auto& state, auto& mine) { bulk(state, mine, frames, order, true); });
                add_vast("churn", with, all,
                         [=](auto& state, auto& mine) { churn(state, mine, frames, order, 50); });
            }
            for (const unsigned order : {3u, 9u}) {
                const auto on = std::make_shared<stage<Subject>>(
                    [make = make_, all](unsigned cpus) { return make(all, cpus); }, 1,
                    [](const Subject& subject) { return subject.free_frames() == 0; });
                registered("fail/" + name_ + "/order:" + std::to_string(order) + memory, on,
                           [=](auto& state, auto& mine) { fail(state, mine, all, order); })
                    ->Iterations(1)
                    ->UseManualTime();
            }
        }
    }

 private:
    using workload = std::function<void(benchmark::State&, part<Subject>&)>;

    void add(const std::string& what, const std::string& with, const workload& run) const {
        for (unsigned threads = 1; threads <= most_threads; ++threads)
            add_on(what, with, threads, plan_.wanted.frames, run);
    }
    void add_on(const std::string& what, const std::string& with, unsigned threads, std::uint64_t frames,
                const workload& run) const {
        const auto on = std::make_shared<stage<Subject>>(
            [make = make_, frames](unsigned cpus) { return make(frames, cpus); }, threads);
        add(what + "/" + name_ + with, on, run);
    }
    void add_vast(const std::string& what, const std::string& with, std::uint64_t all,
                  const workload& run) const {
        const auto get = [make = make_, key = name_ + "/" + std::to_string(all), all](unsigned cpus) {
            return vast_memory::get<Subject>(
                key, [&] { return make(all, cpus); }, all);
        };
        add(what + "/" + name_ + with,
            std::make_shared<stage<Subject>>(get, 1, &vast_memory::is_as_it_was<Subject>), run);
    }
    void add(const std::string& full, const std::shared_ptr<stage<Subject>>& on, const workload& run) const {
        auto* const added = registered(full, on, run);
        if (plan_.wanted.iterations != 0)
            added->Iterations(static_cast<benchmark::IterationCount>(plan_.wanted.iterations));
    }
    static benchmark::internal::Benchmark* registered(const std::string& full,
                                                      const std::shared_ptr<stage<Subject>>& on,
                                                      const workload& run) {
        auto* const added = benchmark::RegisterBenchmark(full.c_str(), [on, run](benchmark::State& state) {
            const each_thread::registration slot;
            part<Subject> mine(state, *on);
            if (!mine.ready()) return;
            run(state, mine);
            mine.finish();
        });
        return added->Threads(static_cast<int>(on->threads()));
    }

    std::string name_;
    make_subject make_;
    const plan& plan_;
};

/// Of a subject whose calls are not compiled into the workloads, with the time of each taken.
using make_any_subject = std::function<std::unique_ptr<any_subject>(std::uint64_t frames, unsigned cpus)>;
void add_timed(const std::string& name, const make_any_subject& make, const plan& what, extent which);

/// Registers what the options want of a subject.
template <class Subject, extent Which = extent::all>
void add_subject(const std::string& name, const typename registry<Subject>::make_subject& make,
                 const plan& what) {
    if (what.wanted.each) {
        const auto erase = [make](std::uint64_t frames, unsigned cpus) {
            return std::make_unique<erased<Subject>>(make(frames, cpus));
        };
        return add_timed(name, erase, what, Which);
    }
    const registry<Subject> workloads(name, make, what);
    if constexpr (Which == extent::same) {
        if (what.wanted.sizes.empty()) workloads.add_same();
    } else {
        what.wanted.sizes.empty() ? workloads.add_all() : workloads.add_sizes();
    }
}

/// Of a source of the library.
template <class Source>
void add_source(const std::string& name, const plan& what) {
    using subject = source_subject<Source>;
    add_subject<subject>(name, std::make_shared<subject, std::uint64_t, unsigned>, what);
}

}  // namespace bench
