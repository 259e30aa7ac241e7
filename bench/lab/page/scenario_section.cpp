// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/scenario_section.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "lab/page/assets.hpp"
#include "lab/page/bar_chart.hpp"
#include "lab/page/fill.hpp"
#include "lab/page/heat_map.hpp"
#include "lab/page/markup.hpp"
#include "lab/page/share_views.hpp"
#include "lab/page/trace_time.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

std::string trace_name(const scenario& told) {
    return std::filesystem::path(told.trace).filename().string();
}

/// As `percent`, but never with the sign in the next line.
std::string solid_percent(double part) {
    return fixed(100 * part, 1) + "\u00a0%";
}

std::string about(const scenario& told) {
    const std::uint64_t frames = told.usable_frames();
    std::string text = "Machine: " + counted(told.nodes, "node") + ", " +
                       size_of_bytes(frames << told.page_shift) + " in " + counted(frames, "frame");
    if (told.mirrored_frames() > 0)
        text += ", " + solid_percent(share(told.mirrored_frames(), frames)) + " mirrored";
    text += ". Trace: " + trace_name(told) + ", " + counted(told.events, "event");
    if (told.seconds() > 0) text += " in " + fixed(told.seconds(), 1) + " s";
    return text + ", at most " + counted(told.peak_frames, "frame") + " in use at once (" +
           solid_percent(share(told.peak_frames, frames)) + "), " + grouped(told.left_frames) +
           " at the end.";
}

struct figure_column {
    const char* title;
    const char* meaning;
    std::string (*value)(const figures&);
    bool of_oracle = false;
};

/// Those that the machine can make a difference to.
std::vector<figure_column> columns_of(const scenario& told) {
    std::vector<figure_column> columns{
        {"ns/event", "the median", [](const figures& run) { return fixed(run.ns_per_event, 1); }}};
    if (told.mirrored_frames() > 0) {
        columns.push_back({"kernel in mirror", "of the frames that the kernel got, those that are mirrored",
                           [](const figures& run) { return percent(run.mirrored_kernel_share); }});
        columns.push_back({"user in mirror", "the same of processes",
                           [](const figures& run) { return percent(run.mirrored_user_share); }});
        columns.push_back({"fallbacks", "requests that preferred mirrored memory and got ordinary memory",
                           [](const figures& run) { return grouped(run.fallbacks); }});
    }
    if (told.nodes > 1) {
        columns.push_back({"local", "of all frames handed out, those on the node of the CPU that asked",
                           [](const figures& run) { return percent(run.local_share); }});
    }
    columns.push_back({"failures", "requests that got nothing",
                       [](const figures& run) { return grouped(run.failures); }, true});
    columns.push_back({"whole blocks", "of the frames free at the end, those in pageblocks that are all free",
                       [](const figures& run) { return percent(run.whole_blocks_share); }, true});
    columns.push_back({"compacted", "the same after what can be moved was moved together at the end",
                       [](const figures& run) {
                           return run.compacted_blocks_share ? percent(*run.compacted_blocks_share) : "-";
                       }});
    columns.push_back({"moves", "frames moved for that", [](const figures& run) {
                           return run.compacted_blocks_share ? grouped(run.compaction_moves) : "-";
                       }});
    return columns;
}

/// A sentence on each column.
std::string meanings(const scenario& told) {
    std::string text;
    for (const figure_column& column : columns_of(told)) {
        text += text.empty() ? "" : "; ";
        text += std::string(column.title) + ": " + column.meaning;
    }
    return text + '.';
}

std::string numbers_table(const scenario& told) {
    const std::vector<figure_column> columns = columns_of(told);
    markup out;
    out.open("div",
             {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", "In numbers"}});
    out.open("table").open("thead").open("tr");
    out.leaf("th", {{"scope", "col"}}, "composition");
    for (const figure_column& column : columns) out.leaf("th", {{"scope", "col"}}, column.title);
    out.close().close().open("tbody");
    for (const matrix_run& run : told.runs) {
        out.open("tr").open("th", {{"scope", "row"}}).name(run.told.composition).close();
        for (const figure_column& column : columns)
            out.leaf("td", {}, run.told.oracle && !column.of_oracle ? "-" : column.value(run.told));
        out.close();
    }
    return out.close().close().close().str();
}

std::string what_a_cell_is(const scenario& told) {
    const std::string size =
        size_of_bytes(told.heat.blocks_per_cell << (block_usage::block_order + told.page_shift));
    if (told.heat.blocks_per_cell == 1) return "A cell is a pageblock of " + size + '.';
    return "A cell is " + grouped(told.heat.blocks_per_cell) + " pageblocks, " + size + ".";
}

}  // namespace

std::string scenario_id(std::size_t index) {
    return "scenario-" + std::to_string(index + 1);
}

std::string scenario_title(const matrix_results& results, std::size_t index) {
    const scenario& told = results.scenarios[index];
    const bool one_trace = std::all_of(results.scenarios.begin(), results.scenarios.end(),
                                       [&](const scenario& other) { return other.trace == told.trace; });
    return one_trace ? told.machine : told.machine + ": " + trace_name(told);
}

std::string scenario_section(const matrix_results& results, std::size_t index, const looks& drawn) {
    const scenario& told = results.scenarios[index];
    std::string maps;
    for (const matrix_run& run : told.runs) {
        maps += heat_map(told, run, drawn.line_of(run.told.composition)) + '\n';
    }
    return fill(asset::scenario_html, {{"id", scenario_id(index)},
                                       {"title", escaped(scenario_title(results, index))},
                                       {"about", escaped(about(told))},
                                       {"repetitions", std::to_string(results.repetitions)},
                                       {"bars", bar_chart(told.runs, drawn)},
                                       {"meanings", escaped(meanings(told))},
                                       {"table", numbers_table(told)},
                                       {"last", std::to_string(told.moments.size() - 1)},
                                       {"now", escaped(time_label(told, told.moments.back()))},
                                       {"charts", share_charts(told, drawn)},
                                       {"readout", share_readout(told, drawn)},
                                       {"cell", escaped(what_a_cell_is(told))},
                                       {"columns", std::to_string(heat_columns(told))},
                                       {"legend", heat_legend(told.mirrored_frames() > 0)},
                                       {"maps", maps}});
}

}  // namespace lab
