// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/replay_command.hpp"

#include <cstdio>
#include <utility>
#include <vector>

#include "lab/failure.hpp"
#include "lab/machine/machine.hpp"
#include "lab/replay/composition.hpp"
#include "lab/replay/load.hpp"
#include "lab/replay/measure.hpp"
#include "lab/replay/oracle.hpp"
#include "lab/replay/replay_report.hpp"
#include "lab/text/write_file.hpp"
#include "lab/trace/operation.hpp"

namespace lab {
namespace {

struct replay_options {
    std::string trace_path;
    machine_inputs inputs;
    std::vector<composition> compositions;
    std::string json_path;
    std::string csv_path;
};

replay_options parse(arguments words) {
    replay_options options;
    std::vector<std::string> names;
    while (const auto word = words.next()) {
        if (options.inputs.take(*word, words)) continue;
        if (*word == "--trace") {
            options.trace_path = words.value();
        } else if (*word == "--composition") {
            names.push_back(words.value());
        } else if (*word == "--json") {
            options.json_path = words.value();
        } else if (*word == "--csv") {
            options.csv_path = words.value();
        } else {
            throw usage_error("replay does not know " + *word);
        }
    }
    options.inputs.check();
    if (options.trace_path.empty()) throw usage_error("replay needs --trace FILE");
    options.compositions = find_compositions(names);
    return options;
}

}  // namespace

void run_replay_command(arguments words) {
    const replay_options options = parse(std::move(words));
    machine on;
    if (options.inputs.any()) on = load_machine(options.inputs);
    const operation_list trace = load_trace(options.trace_path);
    if (!options.inputs.any()) on = machine_for(trace);
    std::printf("Trace: %sMachine: %s\n", trace_as_text(trace).c_str(), machine_as_sentence(on).c_str());
    std::fflush(stdout);

    const replay_input input = make_replay_input(trace, on);
    std::vector<figures> all = measure(options.compositions, input);
    all.push_back(oracle_figures(input));
    std::fputs(figures_as_text(all).c_str(), stdout);
    if (!options.json_path.empty()) write_file(options.json_path, figures_as_json(all));
    if (!options.csv_path.empty()) write_file(options.csv_path, figures_as_csv(all));
}

std::string replay_help() {
    std::string names;
    for (const composition& each : all_compositions()) names += "  " + each.name + '\n';
    return "Trace: what perf script prints of the events kmem:mm_page_alloc and kmem:mm_page_free, or the\n"
           "compact form (time in us, CPU, a or f, frame, order, migratetype, k or u, with tabs between "
           "them);\n"
           "may be packed by xz. Without machine inputs: one node of twice the frames that are live at "
           "once,\n"
           "rounded up to a power of two. CPU n of the trace runs on the n-th node that has memory and\n"
           "processors. Kernel allocations prefer mirrored memory, those for user processes take ordinary.\n"
           "\n"
           "Compositions (all, if none is named): source/order/node choice\n" +
           names +
           "  rows: frames kept for each CPU over a radix buddy; rows_by_mobility: the same, with "
           "pageblocks\n"
           "  of their own for what can be moved and what can be reclaimed; radix: a radix buddy alone;\n"
           "  list: a list buddy behind a lock. reliability_first: mirrored memory anywhere before ordinary\n"
           "  memory near by; locality_first: the other way round; mirror_off: all memory is alike.\n"
           "  nearest: the node of the CPU that asks; interleave: all nodes with memory in turn.\n"
           "\n"
           "Figures:\n" +
           figures_help;
}

}  // namespace lab
