// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an allocation and a free cost, on metadata alone: no frame is touched.
#include <benchmark/benchmark.h>

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/workloads.hpp"

namespace bench {
namespace {

struct hosted : ashlar::platform {
    /// A thread that waits for a lock lets the holder run.
    static void relax() noexcept { std::this_thread::yield(); }
};

using each_cpu = ashlar::cpu_platform<64>;
using each_thread = ashlar::thread_platform<64>;

/// 8 GiB of 4 KiB frames; none of it exists.
constexpr ashlar::range<> managed{{std::uint64_t{1} << 20}, std::uint64_t{1} << 21};

/// A source over storage of its own, with all its frames free.
template <class Source>
struct rig {
    std::vector<typename Source::word> words =
        std::vector<typename Source::word>(Source::metadata_words(managed));
    Source source{};
    bool ready =
        source.attach(managed, {words.data(), words.size()}, ashlar::start::fresh) == ashlar::errc::ok &&
        source.online(managed) == ashlar::errc::ok;

    /// Nothing was lost or gained.
    [[nodiscard]] bool is_whole() const {
        return ready && source.free_frames() == managed.count && source.validate() == ashlar::errc::ok;
    }

    static std::unique_ptr<rig> shared;  ///< what the threads of one benchmark work on
    static void set_up(const benchmark::State&) { shared = std::make_unique<rig>(); }
    static void tear_down(const benchmark::State&) { shared.reset(); }
};
template <class Source>
std::unique_ptr<rig<Source>> rig<Source>::shared;

/// Processor time of the calling thread: other programs on the machine do not count.
[[nodiscard]] double thread_nanoseconds() {
    std::timespec now{};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

template <class Source>
void bulk(benchmark::State& state) {
    const each_thread::registration slot;
    Source& source = rig<Source>::shared->source;
    const auto order = static_cast<unsigned>(state.range(0));
    std::vector<ashlar::frame<>> blocks((managed.count >> order) / 2 /
                                        static_cast<std::size_t>(state.threads()));
    double allocating = 0;
    double freeing = 0;
    bool failed = false;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(blocks.size()))) {
        const double start = thread_nanoseconds();
        for (ashlar::frame<>& block : blocks) {
            const auto got = source.allocate({.order = order});
            failed |= !got;
            block = *got;
        }
        const double middle = thread_nanoseconds();
        for (const ashlar::frame<> block : blocks) failed |= source.free(block, order) != ashlar::errc::ok;
        allocating += middle - start;
        freeing += thread_nanoseconds() - middle;
    }
    const auto pairs = static_cast<double>(state.iterations());
    state.counters["allocate_ns"] = benchmark::Counter(allocating / pairs, benchmark::Counter::kAvgThreads);
    state.counters["free_ns"] = benchmark::Counter(freeing / pairs, benchmark::Counter::kAvgThreads);
    if (failed || (state.thread_index() == 0 && !rig<Source>::shared->is_whole()))
        state.SkipWithError("frames were lost");
}

template <class Source>
void same(benchmark::State& state) {
    const each_thread::registration slot;
    Source& source = rig<Source>::shared->source;
    const auto order = static_cast<unsigned>(state.range(0));
    bool failed = false;
    for ([[maybe_unused]] auto _ : state) {
        const auto got = source.allocate({.order = order});
        failed |= !got || source.free(*got, order) != ashlar::errc::ok;
    }
    if (failed || (state.thread_index() == 0 && !rig<Source>::shared->is_whole()))
        state.SkipWithError("frames were lost");
}

template <class Source>
void register_source(const std::string& source_and_contract) {
    const auto add = [&](const std::string& workload, void (*run)(benchmark::State&)) {
        auto* const registered =
            benchmark::RegisterBenchmark((workload + "/" + source_and_contract).c_str(), run);
        registered->ArgName("order")->Arg(0)->Arg(3)->Arg(9)->Threads(1)->Threads(2);
        registered->Setup(rig<Source>::set_up)->Teardown(rig<Source>::tear_down);
    };
    add("bulk", bulk<Source>);
    add("same", same<Source>);
}

}  // namespace

void register_allocations() {
    register_source<ashlar::cpu_rows<ashlar::radix_buddy<each_thread>>>("radix/exclusive");
    register_source<ashlar::cpu_rows<ashlar::radix_buddy<each_cpu>,
                                     ashlar::rows_shape{.contract = ashlar::slot_contract::shared}>>(
        "radix/shared");
    register_source<ashlar::radix_buddy<hosted>>("radix/direct");
    register_source<ashlar::locked<ashlar::list_buddy<hosted>>>("list/locked");
}

}  // namespace bench
