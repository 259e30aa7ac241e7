// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ashlar-bench: what the allocators cost. Takes the options of Google Benchmark; without any it says medians.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/workloads.hpp"

int main(int argc, char** argv) {
    // Before the caller's own, which win.
    std::vector<std::string> words{argv[0], "--benchmark_repetitions=9", "--benchmark_min_time=0.1",
                                   "--benchmark_display_aggregates_only=true"};
    words.insert(words.end(), argv + 1, argv + argc);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int count = static_cast<int>(words.size());

    bench::register_boots();
    bench::register_allocations();
#ifdef __clang__
    benchmark::AddCustomContext("compiler", __VERSION__);
#else
    benchmark::AddCustomContext("compiler", "GCC " __VERSION__);
#endif
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
