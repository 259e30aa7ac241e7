// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What it costs to find out where a frame lies that may be remapped: of a TiB, from 1,000 to 1,000,000
// frames.
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/plan.hpp"
#include "bench/remap/accesses.hpp"
#include "bench/remap/structures.hpp"
#include "bench/workloads.hpp"

namespace bench {
namespace {

/// Made when they are first needed, and kept: the same for each structure.
class shared_input {
 public:
    explicit shared_input(std::size_t entries) : entries_(entries) {}
    [[nodiscard]] const remapped_memory& memory() {
        if (!memory_) memory_ = std::make_unique<remapped_memory>(entries_);
        return *memory_;
    }
    [[nodiscard]] const std::vector<std::uint64_t>& accesses(locality how) {
        auto& frames = accesses_[how];
        if (frames.empty()) frames = memory().accesses(how);
        return frames;
    }
    [[nodiscard]] std::size_t entries() const { return entries_; }

 private:
    std::size_t entries_;
    std::unique_ptr<remapped_memory> memory_;
    std::map<locality, std::vector<std::uint64_t>> accesses_;
};

/// Changes one mapping each millisecond.
template <class Table>
class busy_writer {
 public:
    busy_writer(Table& table, const std::vector<mapping>& all)
        : thread_([&table, &all, this] {
              auto next = std::chrono::steady_clock::now();
              for (std::size_t i = 0; !stop_.load(std::memory_order_relaxed); ++i) {
                  next += std::chrono::milliseconds(1);
                  std::this_thread::sleep_until(next);
                  table.change(all[i * 7919 % all.size()]);
                  changes_.fetch_add(1, std::memory_order_relaxed);
              }
          }) {}
    ~busy_writer() {
        stop_.store(true, std::memory_order_relaxed);
        thread_.join();
    }
    busy_writer(const busy_writer&) = delete;
    busy_writer& operator=(const busy_writer&) = delete;
    [[nodiscard]] std::uint64_t changes() const { return changes_.load(std::memory_order_relaxed); }

 private:
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> changes_{0};
    std::thread thread_;
};

template <class Structure>
void look_up(benchmark::State& state, const Structure& structure, const std::vector<std::uint64_t>& frames) {
    std::size_t at = 0;
    std::uint64_t sum = 0;
    for ([[maybe_unused]] auto _ : state) {
        sum += structure.translate(frames[at]);
        at = (at + 1) % remapped_memory::count;
    }
    benchmark::DoNotOptimize(sum);
    state.counters["bytes"] = static_cast<double>(structure.bytes());
}

template <class Structure>
class kept_structure {
 public:
    explicit kept_structure(std::shared_ptr<shared_input> input) : input_(std::move(input)) {}

    void run(benchmark::State& state, locality how, bool with_writer) {
        const auto& frames = input_->accesses(how);
        if (!structure_) {
            structure_ = std::make_unique<Structure>(input_->memory().all());
            for (std::size_t i = 0; i < frames.size(); ++i) {
                if (structure_->translate(frames[i]) != input_->memory().translate(frames[i]))
                    is_right_ = false;
            }
        }
        if (!is_right_) return state.SkipWithError("a frame is not where it was mapped to");
        if constexpr (requires(Structure made, mapping some) { made.change(some); }) {
            std::optional<busy_writer<Structure>> writer;
            if (with_writer) writer.emplace(*structure_, input_->memory().all());
            look_up(state, *structure_, frames);
            if (writer) state.counters["changes"] = static_cast<double>(writer->changes());
        } else {
            look_up(state, *structure_, frames);
        }
    }

 private:
    std::shared_ptr<shared_input> input_;
    std::unique_ptr<Structure> structure_;
    bool is_right_ = true;
};

template <class Structure>
void add(const std::string& name, const std::shared_ptr<shared_input>& input) {
    const auto kept = std::make_shared<kept_structure<Structure>>(input);
    const auto with = [&](const char* workload, locality how, bool writer) {
        const std::string full = "remap/" + name + "/" + workload + "/" + std::to_string(input->entries());
        benchmark::RegisterBenchmark(
            full.c_str(), [kept, how, writer](benchmark::State& state) { kept->run(state, how, writer); });
    };
    with("not_remapped", locality::not_remapped, false);
    with("hit", locality::hit, false);
    with("local", locality::local, false);
    if constexpr (requires(Structure made, mapping some) { made.change(some); }) {
        with("with_writer", locality::not_remapped, true);
    }
}

}  // namespace

void register_remap() {
    for (const std::size_t entries : {1000U, 10000U, 100000U, 1000000U}) {
        const auto input = std::make_shared<shared_input>(entries);
        add<own_table<ashlar::remap_table<>>>("remap_table", input);
        add<own_table<ashlar::remap_hash<>>>("remap_hash", input);
        add<sorted_array>("upper_bound", input);
        add<tree_map>("map", input);
        add<eytzinger>("eytzinger", input);
        add<radix_table>("radix", input);
    }
}

}  // namespace bench
