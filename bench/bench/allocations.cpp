// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an allocation and a free cost, on metadata alone: no frame is touched.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <bit>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "bench/workload/bulk.hpp"
#include "bench/workload/churn.hpp"
#include "bench/workload/handover.hpp"
#include "bench/workload/mixed.hpp"
#include "bench/workload/same.hpp"
#include "bench/workload/trace.hpp"
#include "bench/workloads.hpp"
#include "lab/trace/trace.hpp"

namespace bench {
namespace {

struct hosted : ashlar::platform {
    /// A thread that waits for a lock lets the holder run.
    static void relax() noexcept { std::this_thread::yield(); }
};
using each_cpu = ashlar::cpu_platform<64>;
using each_thread = ashlar::thread_platform<64>;

using exclusive = ashlar::cpu_rows<ashlar::radix_buddy<each_thread>>;
using shared = ashlar::cpu_rows<ashlar::radix_buddy<each_cpu>,
                                ashlar::rows_shape{.contract = ashlar::slot_contract::shared}>;
using direct = ashlar::radix_buddy<hosted>;
// What Linux does: lists under one lock, and stacks of small blocks for each CPU.
using exclusive_list = ashlar::cpu_magazines<ashlar::locked<ashlar::list_buddy<each_thread>>>;
using shared_list = ashlar::cpu_magazines<ashlar::locked<ashlar::list_buddy<each_cpu>>,
                                          ashlar::magazine_shape{.contract = ashlar::slot_contract::shared}>;
using locked_list = ashlar::locked<ashlar::list_buddy<hosted>>;

/// The workloads, by subject; `name` is what stands between the workload and its parameters.
template <class Subject>
class registry {
 public:
    using make_subject = std::function<std::unique_ptr<Subject>(std::uint64_t frames, unsigned cpus)>;

    registry(std::string name, make_subject make, std::uint64_t frames)
        : name_(std::move(name)), make_(std::move(make)), frames_(frames) {}

    void add_all(const std::shared_ptr<const lab::operation_list>& events) const {
        const std::uint64_t frames = frames_;
        for (const unsigned order : {0u, 3u, 9u}) {
            const std::string with = "/order:" + std::to_string(order);
            add("bulk", with, [=](auto& state, auto& on) { bulk(state, on, frames, order, false); });
            add("same", with, [=](auto& state, auto& on) { same(state, on, order); });
            add("random", with, [=](auto& state, auto& on) { bulk(state, on, frames, order, true); });
            for (const unsigned load : {50u, 90u}) {
                add("churn", with + "/load:" + std::to_string(load),
                    [=](auto& state, auto& on) { churn(state, on, frames, order, load); });
            }
        }
        add("mixed", "", [=](auto& state, auto& on) { mixed(state, on, frames); });
        add_for("handover", "/order:0", 2, frames, [](auto& state, auto& on) { handover(state, on, 0); });
        if (events == nullptr) return;
        // At least the GiB of the machine that the shipped trace was taken on.
        const std::uint64_t traced =
            std::max<std::uint64_t>(std::uint64_t{1} << 18, std::bit_ceil(events->peak_frames));
        add_for("trace", "", 1, traced, [events](auto& state, auto& on) { trace(state, on, *events); });
    }

 private:
    using workload = std::function<void(benchmark::State&, stage<Subject>&)>;

    void add(const std::string& what, const std::string& with, const workload& run) const {
        for (const unsigned threads : {1u, 2u}) add_for(what, with, threads, frames_, run);
    }
    void add_for(const std::string& what, const std::string& with, unsigned threads, std::uint64_t frames,
                 const workload& run) const {
        const auto on = std::make_shared<stage<Subject>>(
            [make = make_, frames](unsigned cpus) { return make(frames, cpus); }, threads);
        const std::string full = what + "/" + name_ + with;
        benchmark::RegisterBenchmark(full.c_str(), [on, run](benchmark::State& state) {
            const each_thread::registration slot;
            run(state, *on);
        })->Threads(static_cast<int>(threads));
    }

    std::string name_;
    make_subject make_;
    std::uint64_t frames_;
};

template <class Source>
void add_source(const std::string& name, const options& wanted,
                const std::shared_ptr<const lab::operation_list>& events) {
    using subject = source_subject<Source>;
    registry<subject>(name, std::make_unique<subject, std::uint64_t, unsigned>, wanted.frames)
        .add_all(events);
}

}  // namespace

void register_allocations(const options& wanted) {
    std::shared_ptr<const lab::operation_list> events;
    if (!wanted.trace.empty()) {
        events =
            std::make_shared<lab::operation_list>(lab::make_operations(lab::read_trace(wanted.trace).events));
    }
    add_source<exclusive>("radix/exclusive", wanted, events);
    add_source<shared>("radix/shared", wanted, events);
    add_source<direct>("radix/direct", wanted, events);
    add_source<exclusive_list>("list/exclusive", wanted, events);
    add_source<shared_list>("list/shared", wanted, events);
    add_source<locked_list>("list/locked", wanted, events);
    for (const std::string& path : wanted.peers) {
        const auto library = std::make_shared<peer_library>(load_peer(path));
        const auto make = [library](std::uint64_t frames, unsigned cpus) {
            return std::make_unique<peer_subject>(*library, frames, cpus);
        };
        registry<peer_subject>("peer:" + library->name, make, wanted.frames).add_all(events);
    }
}

}  // namespace bench
