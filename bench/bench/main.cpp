// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ashlar-bench: what the allocators cost. Takes the options of Google Benchmark; without any it says medians.
#include <benchmark/benchmark.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "bench/options.hpp"
#include "bench/plan.hpp"
#include "bench/workloads.hpp"
#include "lab/trace/operation.hpp"
#include "lab/trace/trace.hpp"

namespace {

void register_all(const bench::options& wanted) {
    bench::plan what{wanted, nullptr};
    if (!wanted.trace.empty()) {
        what.events = std::make_shared<const lab::operation_list>(
            lab::make_operations(lab::read_trace(wanted.trace).events));
    }
    if (wanted.sizes.empty()) bench::register_boots();
    if (wanted.sizes.empty() && !wanted.each) {
        bench::register_remap();
        bench::register_remote();
        bench::register_movers();
        bench::register_linux_movers();
    }
    bench::register_row_sources(what);
    bench::register_list_sources(what);
    bench::register_machine(what);
    bench::register_peers(what);
}

int run(const std::string& program, const bench::options& wanted) {
    // Before the caller's own, which win.
    std::vector<std::string> words{program, "--benchmark_repetitions=9", "--benchmark_min_time=0.1",
                                   "--benchmark_display_aggregates_only=true"};
    words.insert(words.end(), wanted.rest.begin(), wanted.rest.end());
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int count = static_cast<int>(words.size());

    register_all(wanted);
#ifdef __clang__
    benchmark::AddCustomContext("compiler", __VERSION__);
#else
    benchmark::AddCustomContext("compiler", "GCC " __VERSION__);
#endif
    benchmark::AddCustomContext("frames", std::to_string(wanted.frames));
    benchmark::AddCustomContext("trace", std::filesystem::path(wanted.trace).filename());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const bench::options wanted = bench::read_options({argv + 1, argv + argc});
        if (wanted.help) {
            std::cout << bench::help_text;
            return 0;
        }
        return run(argv[0], wanted);
    } catch (const std::exception& problem) {
        std::cerr << "ashlar-bench: " << problem.what() << '\n';
        return 2;
    }
}
