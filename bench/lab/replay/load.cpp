// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/load.hpp"

#include <bit>
#include <cstdint>
#include <cstdio>

#include "lab/failure.hpp"
#include "lab/text/numbers.hpp"
#include "lab/trace/trace.hpp"

namespace lab {
namespace {

void note(const std::string& sentence) {
    std::fprintf(stderr, "ashlar-lab: %s\n", sentence.c_str());
}

}  // namespace

operation_list load_trace(const std::string& path) {
    const trace read = read_trace(path);
    if (read.unreadable_lines > 0) {
        note(path + ": left out: " + counted(read.unreadable_lines, "line") + " that cannot be read");
    }
    operation_list list = make_operations(read.events);
    if (list.peak_frames == 0) throw failure(path + ": there are frees in it, but no allocation");
    return list;
}

machine load_machine(const machine_inputs& inputs) {
    machine read = read_machine(inputs);
    for (const std::string& sentence : read.notes) note(sentence);
    if (!read.defects.empty()) {
        note(counted(read.defects.size(), "defect") +
             " in the machine's tables: ashlar-lab machine lists what is wrong");
    }
    return read;
}

machine machine_for(const operation_list& trace) {
    return plain_machine(std::bit_ceil(2 * trace.peak_frames));
}

double seconds_of(const operation_list& trace) {
    return static_cast<double>(trace.times_us.back()) / 1e6;
}

std::uint64_t mirrored_frames(const machine& of) {
    std::uint64_t mirrored = 0;
    (*of.map)->for_each_usable([&](const ashlar::usable_run& run) {
        if (run.mirrored) mirrored += run.frames.count;
    });
    return mirrored;
}

std::string trace_as_text(const operation_list& trace) {
    std::string text = grouped(trace.steps.size()) + " allocations and frees in " +
                       fixed(seconds_of(trace), 1) + " s; at most " + grouped(trace.peak_frames) +
                       " frames live at once, " + grouped(trace.left_frames) + " at the end\n";
    if (trace.foreign_frees > 0) {
        text += "       left out: " + counted(trace.foreign_frees, "free") +
                " of frames that were allocated before it began\n";
    }
    if (trace.lost_frees > 0) {
        text += "       put in: " + counted(trace.lost_frees, "free") + " that the tracer lost\n";
    }
    return text;
}

std::string machine_as_sentence(const machine& shown) {
    const std::uint64_t all = (*shown.map)->usable_frames();
    return counted(shown.nodes.node_count(), "node") + ", " + grouped(all) + " frames, " +
           percent(share(mirrored_frames(shown), all)) + " of them mirrored\n";
}

}  // namespace lab
