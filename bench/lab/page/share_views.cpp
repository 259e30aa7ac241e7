// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/share_views.hpp"

#include <vector>

#include "lab/page/line_chart.hpp"
#include "lab/page/markup.hpp"
#include "lab/page/trace_time.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

struct share_kind {
    const char* key;  ///< in the data of the page's script
    const char* title;
    const char* explanation;
    share_series samples::*values;
};

std::vector<share_kind> kinds_of(const scenario& told) {
    std::vector<share_kind> kinds{
        {"whole", "Free memory in whole pageblocks",
         "Of the free frames, those in pageblocks that are all free. What is missing to 100 % is fragmented. "
         "The oracle is no allocator: it knows when each block will be freed.",
         &samples::whole_blocks}};
    if (told.mirrored_frames() > 0) {
        kinds.push_back({"mirror", "Kernel data in mirrored memory",
                         "Of the frames that the kernel has, those that are mirrored.",
                         &samples::kernel_in_mirror});
    }
    if (told.nodes > 1) {
        kinds.push_back({"local", "Node-local memory",
                         "Of the frames in use, those on the node of the CPU that asked for them.",
                         &samples::local});
    }
    return kinds;
}

}  // namespace

std::string share_charts(const scenario& told, const looks& drawn) {
    const time_scale time = time_scale_of(told);
    markup out;
    out.open("div", {{"class", kinds_of(told).size() > 1 ? "charts several" : "charts"}});
    for (const share_kind& kind : kinds_of(told)) {
        std::vector<chart_line> lines;
        for (const matrix_run& run : told.runs) {
            if (run.told.oracle && kind.values != &samples::whole_blocks) continue;
            lines.push_back(
                {run.told.composition, drawn.line_of(run.told.composition), run.over_time.*kind.values});
        }
        out.add(line_chart(kind.title, kind.explanation, lines, time));
    }
    return out.close().str();
}

std::string share_readout(const scenario& told, const looks& drawn) {
    const std::vector<share_kind> kinds = kinds_of(told);
    markup out;
    out.open("div", {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", "Shares"}});
    out.open("table", {{"class", "readout"}}).open("thead").open("tr");
    out.leaf("th", {{"scope", "col"}}, "composition");
    for (const share_kind& kind : kinds) out.leaf("th", {{"scope", "col"}}, kind.title);
    out.close().close().open("tbody");
    for (std::size_t i = 0; i < told.runs.size(); ++i) {
        const matrix_run& run = told.runs[i];
        out.open("tr", {{"data-line", std::to_string(i)}}).open("th", {{"scope", "row"}});
        out.add(swatch(drawn.line_of(run.told.composition)));
        out.name(run.told.composition).close();
        for (const share_kind& kind : kinds) {
            const auto& last = (run.over_time.*kind.values).back();
            out.leaf("td", {{"data-run", std::to_string(i)}, {"data-share", kind.key}},
                     last ? percent(*last) : "-");
        }
        out.close();
    }
    return out.close().close().close().str();
}

}  // namespace lab
